"""Files of millions of headlines: they are read a stretch at a time, scored, and written as parts.

A file of `stretches.py` is opened by what it holds, as `pipeline.data.tables` does. Each kind has a
module and a row in KINDS in `inputs.py`. `output.py` keeps what is done; `loop.py` goes through it.
"""
