"""S3 over HTTP: routing, headers, XML documents, CORS, the front end.

The front end runs operations. What an operation does is in `s3gw.ops` and `s3gw.multipart`;
what happens to objects is in `s3gw.objects`, which does not know HTTP.
"""
