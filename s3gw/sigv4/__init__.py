"""AWS request signing as pure functions.

Nothing here reads a clock, a socket or a setting, and nothing is imported but the standard library.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""
