"""Key ring and key wrapping for server-side encryption.

Each object has a random data key (storage/cipher.py). It is stored wrapped under another key: the
customer's with SSE-C, one of the key ring with SSE-S3 and SSE-KMS.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""
