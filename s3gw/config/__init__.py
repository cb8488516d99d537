"""Settings: declared, loaded, documented, and changed at run time.

What changes while the cluster runs is kept in the coordination store, under AIStore's names. It
applies to every process of the server, before the file, the variables and the flags, until reset.
"""
