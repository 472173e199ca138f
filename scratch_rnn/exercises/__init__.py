"""Exercises: a NumPy file of the project with functions to write, and the program that grades the result.

catalogue (which files; which exercise a file is), blanks (the file without the bodies), grade (runs the
reader's file in a process of its own), run (what that process does), cases (the inputs), watch (the file
compiled to report its values), equations (the first value that is wrong), values (how values are compared).
"""
