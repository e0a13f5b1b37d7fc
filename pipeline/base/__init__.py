"""What every room needs and nothing of ours is needed for: errors, files, archives, downloads."""
