"""How many instructions a request takes: callgrind counts the same number each time.

`python -m tests.instructions` runs the phases that `test_instructions` counts, in one process and
without a network: the application, its store on a disk, and requests as an ASGI server hands them
over.
"""
