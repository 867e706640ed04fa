"""One driver a client: each is a program that does one work, as the client's own documentation would, and reports."""
