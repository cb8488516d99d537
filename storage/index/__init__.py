"""An index of objects, whatever engine keeps it: rows, rules of versions, mutations.

A mutation is a coroutine over a `Transaction`, so that the same conditions, locks and versions hold
on an engine in this process, that never suspends it, and on a server of a database, that does.
This room knows no engine and no files.
"""
