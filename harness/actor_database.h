/*
 * actor_database: the database of a server that is no besterd: a Redis as Part I
 * has it, played by the harness. An account is a hash at the key of its name, with
 * the one field "password".
 *
 * Holds the accounts of the server, or, where the play gives it none, its clients
 * with their passwords. Nothing can be written. Owns its connections.
 */
#ifndef HARNESS_ACTOR_DATABASE_H
#define HARNESS_ACTOR_DATABASE_H

#include "harness/setting.h"

struct actor_database;

struct actor_database *actor_database_new(const struct setting *setting, int server);
void actor_database_free(struct actor_database *self);

#endif
