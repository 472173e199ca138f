"""Generated inputs, kills and competing writers: `python -m tests.fuzz` runs all, tests/test_fuzz.py a few.

    command.py   one command line in this process, and what must hold after it
    content.py   small valid files, and their mutations
    options.py   values of options, right and wrong
    groups.py    the cases: one group for each reader and for each lab's options
    runs.py      runs that are killed, and runs that write one file at the same time
    blocks.py    cases in child processes, with limits of time and memory

Every case is a function of the seed, the name of its group and its number.
"""
