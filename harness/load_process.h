/*
 * load_process: what a process of this machine uses, and which one it is that
 * serves a connection. Owns nothing; asks /proc.
 */
#ifndef HARNESS_LOAD_PROCESS_H
#define HARNESS_LOAD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The process at the other end of a connected socket, or 0: it is not on this
 * machine, or is somebody else's. Over TCP the one that holds the other socket,
 * over UNIX the one that listened. */
pid_t load_process_of(int fd);

struct load_usage {
    double processor_s;    /* so far, all threads */
    uint64_t memory_bytes; /* resident, now */
};

/* false: it is gone, or not ours to see. */
bool load_process_usage(pid_t pid, struct load_usage *out);

#endif
