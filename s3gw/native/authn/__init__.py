"""AuthN: AIStore's server of users and tokens, on this server's own port.

Users, roles and the clusters that AuthN knows stand in the directory; only administrators change
them. Shapes and statuses are those that AIStore's clients choose their exceptions by.
"""
