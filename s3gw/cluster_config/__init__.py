"""The part of the configuration that is changed while the cluster runs.

It is kept in the coordination store, by AIStore's names, and holds for every process of the server.
What is set there counts before the file, the variables and the flags, until it is reset.
"""
