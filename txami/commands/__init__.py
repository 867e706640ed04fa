"""
The subcommands of ``txami``, one module a subject.

Each has a function that adds it to the command line: :func:`txami.commands.base.add_command` with a name and what
runs it, which takes the options and returns the exit code; and the arguments of its own.
"""
