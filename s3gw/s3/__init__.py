"""S3 over HTTP: routing, headers, XML documents, CORS, and the front end that runs operations.

What an operation does is in `s3gw.ops` and `s3gw.multipart`; what happens to objects is in
`s3gw.objects`, which does not know HTTP.
"""
