#!/bin/sh
# A handler that is dead before it has listened. See program_killed.json.
kill -KILL $$
