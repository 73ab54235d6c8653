"""The terminal: one file a command, progress, rendering, and errors as exit statuses.

A new command is a function in a file of its own, which imports its implementation inside the function, and one line in
`app.py`.
"""
