/* What is measured of the process itself, when somebody asks. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "besterd/metrics.h"

static void measure_memory(struct metrics *self)
{
    char text[128] = "";
    char *end;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return;
    bool read = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    if (!read)
        return;
    double page = (double)sysconf(_SC_PAGESIZE);
    metrics_set(self, METRIC_VIRTUAL, 0, 0, (double)strtoull(text, &end, 10) * page);
    metrics_set(self, METRIC_RESIDENT, 0, 0, (double)strtoull(end, NULL, 10) * page);
}

/* Newer kernels tell the number as the size of the directory; to count fifty
 * thousand entries would hold up the loop. */
static void measure_descriptors(struct metrics *self)
{
    struct rlimit limit;
    struct stat stat;
    double count = 0;
    if (lstat("/proc/self/fd/.", &stat) == 0 && stat.st_size > 0) {
        count = (double)stat.st_size;
    } else {
        DIR *directory = opendir("/proc/self/fd");
        if (directory == NULL)
            return;
        /* A directory of our own. */
        // cppcheck-suppress readdirCalled
        while (readdir(directory) != NULL)
            count++;
        closedir(directory);
        count -= 3; /* ".", ".." and the one that reads them */
    }
    metrics_set(self, METRIC_OPEN_FDS, 0, 0, count);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_set(self, METRIC_MAX_FDS, 0, 0, (double)limit.rlim_cur);
}

static void measure_processor(struct metrics *self)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    metrics_set(self, METRIC_CPU, 0, 0,
        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

/* The kernel tells it in ticks since the boot. */
static void measure_start(struct metrics *self)
{
    char text[1024] = "";
    struct timespec now, since_boot;
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return;
    bool read = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    char *at = read ? strrchr(text, ')') : NULL; /* the name before it may hold anything */
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
        clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0)
        return;
    double started = (double)strtoull(at, NULL, 10) / (double)sysconf(_SC_CLK_TCK);
    double boot =
        (double)(now.tv_sec - since_boot.tv_sec) + (double)(now.tv_nsec - since_boot.tv_nsec) / 1e9;
    metrics_set(self, METRIC_START_TIME, 0, 0, boot + started);
}

void metrics_measure_process(struct metrics *self)
{
    metrics_set(self, METRIC_BUILD_INFO, 0, 0, 1);
    measure_memory(self);
    measure_descriptors(self);
    measure_processor(self);
    measure_start(self);
}
