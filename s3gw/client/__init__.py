"""A client of the native API.

`transport.Client` sends requests; a module for each resource has thin functions over it. Nothing
here knows the server, and little is imported, so that a command starts quickly.
"""
