"""What every room needs: errors, files, archives, downloads, progress, checks of options."""
