/*
 * descriptors: the three that every program is to have.
 *
 * Where a standard descriptor is closed (">&-"), the next file or socket gets its number, and
 * what is meant for stderr goes to a server or into a database.
 */
#ifndef BESTER_DESCRIPTORS_H
#define BESTER_DESCRIPTORS_H

/* First thing in main: those of stdin, stdout and stderr that are closed are opened, so that
 * reading from them, and writing to them, fails as it did. */
void descriptors_fill(void);

#endif
