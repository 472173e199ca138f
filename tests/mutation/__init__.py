"""Generated mutants: mutate.py makes them, forks.py runs the tests on them."""
