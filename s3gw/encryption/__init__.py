"""Server-side encryption: which key encrypts an object, and who may have it back.

Each object has a random data key (storage/cipher.py). What is kept of it is the data key wrapped
under another one: the customer's with SSE-C, one of the key ring with SSE-S3 and SSE-KMS.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""
