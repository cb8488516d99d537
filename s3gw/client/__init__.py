"""A client of the native API.

Calls are values: the modules of resources (`buckets`, `objects`, `listing`, `jobs`, `cluster`,
`etl`, `files`) build them (`call`) and do no network I/O. `sync.Client` sends them with the
standard library only, for the command line, where it starts quickly; `aio.AsyncClient` sends the
same calls with aiohttp. Nothing here imports the server.
"""
