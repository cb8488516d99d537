"""The benchmark: our server beside nginx, MD5 and other S3 servers, loaded by the same clients.

What counts are the ratios of one run on one machine. Requests are presigned URLs, fixed strings:
the server verifies every signature and the load generators pay for none.
"""
