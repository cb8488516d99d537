"""Jobs (AIStore's xactions): work that goes on after its request was answered.

A worker writes the job into the coordination store, so it is there before its id is told; the one
process that runs jobs finds it, and writes down how far it got; any worker answers from the store.
"""
