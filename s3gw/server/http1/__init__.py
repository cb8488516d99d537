"""HTTP/1.1 for a worker, as a protocol that uvicorn drives (`uvicorn.Config(http=...)`).

uvicorn keeps the listening sockets, the lifespan and the shutdown. httptools (llhttp) parses heads
and small bodies. Here is what is between them: one `Connection` for each client, an `IncomingBody`
and an `OutgoingAnswer` for each request, and one `Sweep` over all connections of a worker.

* Requests on one connection are answered one after the other. Those that are sent ahead wait in a
  queue, and reading stops until the queue is empty (RFC 9112, 9.3.2).
* What cannot be parsed is refused after the answers to the good requests before it, and then the
  connection is closed: what follows has no certain beginning. A broken body ends its own request.
* The rest of a body with a `Content-Length` is received into blocks of the store's size and does
  not go through the parser. Only so much of a body is in memory as one block that is being filled
  and one that waits.
* After an answer to a request whose body has not ended, the connection lingers: with unread data in
  it, the system would reset it, and the client might lose the answer (RFC 9112, 9.6).
* Times are limited by the sweep, and not by a timer for each request.

https://www.rfc-editor.org/rfc/rfc9112
"""
