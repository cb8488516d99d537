"""Jobs (AIStore's xactions): work that continues after its request was answered.

A worker writes the job into the coordination store before it returns the job's id. The one process
that runs jobs finds it there and saves its progress; any worker answers from the store.
"""
