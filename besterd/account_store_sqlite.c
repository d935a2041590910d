#include "besterd/account_store_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "Bstr": tells our files from those of others (PRAGMA application_id). */
#define APPLICATION_ID 1114862706
#define SCHEMA_VERSION 1
#define TEXT_OF(number) TEXT_OF_VALUE(number)
#define TEXT_OF_VALUE(number) #number

/* How long a writer that has the database locked is waited for. */
enum { BUSY_MS = 1000 };

static const char schema[] =
    "CREATE TABLE users ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  hash TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                       "PRAGMA user_version = " TEXT_OF(
                                                           SCHEMA_VERSION) ";";

enum question { FIND, ADD, CHANGE, REMOVE, LIST, QUESTION_COUNT };

static const char *const questions[QUESTION_COUNT] = {
    [FIND] = "SELECT hash FROM users WHERE name = ?1",
    [ADD] = "INSERT INTO users (name, hash) VALUES (?1, ?2)",
    [CHANGE] = "UPDATE users SET hash = ?2 WHERE name = ?1",
    [REMOVE] = "DELETE FROM users WHERE name = ?1",
    [LIST] = "SELECT name FROM users ORDER BY name",
};

struct sqlite_store {
    struct account_store store;
    char *path;
    sqlite3 *database; /* NULL: not open */
    sqlite3_stmt *prepared[QUESTION_COUNT];
    dev_t device; /* of the file that is open */
    ino_t inode;
};

static struct sqlite_store *of(struct account_store *store)
{
    return (struct sqlite_store *)store;
}

static void close_database(struct sqlite_store *self)
{
    for (int i = 0; i < QUESTION_COUNT; i++) {
        sqlite3_finalize(self->prepared[i]);
        self->prepared[i] = NULL;
    }
    sqlite3_close(self->database);
    self->database = NULL;
}

static void free_sqlite(struct account_store *store)
{
    struct sqlite_store *self = of(store);
    close_database(self);
    free(self->path);
    free(self);
}

/* ---- failures ---- */

static const struct failure {
    int code; /* SQLite's primary result code */
    enum status status;
} failures[] = {
    {SQLITE_BUSY, STATUS_OVERLOADED},
    {SQLITE_LOCKED, STATUS_OVERLOADED},
    {SQLITE_CANTOPEN, STATUS_OVERLOADED},
    {SQLITE_IOERR, STATUS_OVERLOADED},
    {SQLITE_FULL, STATUS_OVERLOADED},
    {SQLITE_PROTOCOL, STATUS_OVERLOADED},
    {SQLITE_NOMEM, STATUS_NO_MEMORY},
};

/* Tells what SQLite says, and closes: the next question starts afresh. */
static enum status failed(struct sqlite_store *self, struct fault *fault)
{
    int code = self->database != NULL ? sqlite3_errcode(self->database) : SQLITE_NOMEM;
    const char *text = self->database != NULL ? sqlite3_errmsg(self->database) : "out of memory";
    enum status status = STATUS_INTERNAL;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if ((code & 0xff) == failures[i].code)
            status = failures[i].status;
    }
    (void)fault_set(fault, status, 0, "%s: %s", self->path, text);
    close_database(self);
    return status;
}

/* ---- opening ---- */

/* The value of a pragma that is a number. */
static int pragma_number(struct sqlite_store *self, const char *sql, int *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(self->database, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Whether the file is ours and of a version that we know. */
static enum status check_version(struct sqlite_store *self, struct fault *fault)
{
    int id = 0;
    int version = 0;
    if (pragma_number(self, "PRAGMA application_id", &id) != SQLITE_OK ||
        pragma_number(self, "PRAGMA user_version", &version) != SQLITE_OK)
        return failed(self, fault);
    enum status status = STATUS_OK;
    if (id != APPLICATION_ID)
        status = fault_set(fault, STATUS_INTERNAL, 0,
            "%s: is a database, but not one of besterd's accounts", self->path);
    else if (version != SCHEMA_VERSION)
        status = fault_set(fault, STATUS_INTERNAL, 0,
            "%s: was written by another version of besterd (schema %d, this one knows %d)",
            self->path, version, SCHEMA_VERSION);
    if (status != STATUS_OK)
        close_database(self);
    return status;
}

static enum status connect_database(struct sqlite_store *self, struct fault *fault)
{
    struct stat stat_now;
    /* The file must be there: SQLite would make an empty one, and a user would
     * be told that his password is wrong. */
    if (stat(self->path, &stat_now) != 0)
        return fault_set(fault, STATUS_OVERLOADED, 0, "%s: %s", self->path, strerror(errno));
    if (sqlite3_open_v2(self->path, &self->database,
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
            NULL) != SQLITE_OK)
        return failed(self, fault);
    self->device = stat_now.st_dev;
    self->inode = stat_now.st_ino;
    sqlite3_busy_timeout(self->database, BUSY_MS);
    return STATUS_OK;
}

static bool is_replaced(const struct sqlite_store *self)
{
    struct stat stat_now;
    return stat(self->path, &stat_now) != 0 || stat_now.st_dev != self->device ||
           stat_now.st_ino != self->inode;
}

static enum status ensure_open(struct sqlite_store *self, struct fault *fault)
{
    if (self->database != NULL && is_replaced(self))
        close_database(self);
    if (self->database != NULL)
        return STATUS_OK;
    enum status status = connect_database(self, fault);
    return status == STATUS_OK ? check_version(self, fault) : status;
}

/* ---- creating ---- */

/* An empty file with the right mode, or the right mode for the one that is
 * there: password hashes are nobody else's to read. The one that is there is not
 * opened, because closing it would drop every lock of this process on it. */
static enum status create_file(struct sqlite_store *self, struct fault *fault)
{
    struct stat stat_now;
    int fd = open(self->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return STATUS_OK;
    }
    if (errno != EEXIST || stat(self->path, &stat_now) != 0)
        return fault_set(fault, STATUS_OVERLOADED, 0, "%s: %s", self->path, strerror(errno));
    if (!S_ISREG(stat_now.st_mode))
        return fault_set(fault, STATUS_INTERNAL, 0, "%s: is not a file", self->path);
    if ((stat_now.st_mode & 077) != 0 && chmod(self->path, 0600) != 0)
        return fault_set(fault, STATUS_OVERLOADED, 0, "%s: others may read it, and: %s", self->path,
            strerror(errno));
    return STATUS_OK;
}

static bool run(struct sqlite_store *self, const char *sql)
{
    return sqlite3_exec(self->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Inside of a transaction, so that two that start at once make one schema. */
static enum status create_schema(struct sqlite_store *self, struct fault *fault)
{
    int tables = 0;
    int version = 0;
    if (!run(self, "BEGIN IMMEDIATE") ||
        pragma_number(self, "SELECT count(*) FROM sqlite_schema", &tables) != SQLITE_OK ||
        pragma_number(self, "PRAGMA user_version", &version) != SQLITE_OK)
        return failed(self, fault);
    if (tables == 0 && version == 0 && !run(self, schema))
        return failed(self, fault);
    if (!run(self, "COMMIT"))
        return failed(self, fault);
    return STATUS_OK;
}

static enum status create_sqlite(struct account_store *store, struct fault *fault)
{
    struct sqlite_store *self = of(store);
    close_database(self);
    enum status status = create_file(self, fault);
    if (status == STATUS_OK)
        status = connect_database(self, fault);
    if (status != STATUS_OK)
        return status;
    /* WAL: who reads does not wait for who writes. It stays with the file. Not
     * now, if somebody uses the file: SQLite does not wait for that, all works
     * without, and the next start tries again. */
    if (!run(self, "PRAGMA journal_mode = WAL") &&
        (sqlite3_errcode(self->database) & 0xff) != SQLITE_BUSY)
        return failed(self, fault);
    status = create_schema(self, fault);
    return status == STATUS_OK ? check_version(self, fault) : status;
}

/* ---- questions ---- */

/* The statement, opened and prepared as needed, with its texts bound. username
 * and hash must live until it is reset. */
static enum status begin(struct sqlite_store *self, enum question question, const char *username,
    const char *hash, struct fault *fault)
{
    enum status status = ensure_open(self, fault);
    if (status != STATUS_OK)
        return status;
    if (self->prepared[question] == NULL &&
        sqlite3_prepare_v3(self->database, questions[question], -1, SQLITE_PREPARE_PERSISTENT,
            &self->prepared[question], NULL) != SQLITE_OK)
        return failed(self, fault);
    sqlite3_stmt *statement = self->prepared[question];
    if ((username != NULL &&
            sqlite3_bind_text(statement, 1, username, -1, SQLITE_STATIC) != SQLITE_OK) ||
        (hash != NULL && sqlite3_bind_text(statement, 2, hash, -1, SQLITE_STATIC) != SQLITE_OK))
        return failed(self, fault);
    return STATUS_OK;
}

static void finish(struct sqlite_store *self, enum question question)
{
    sqlite3_reset(self->prepared[question]);
    sqlite3_clear_bindings(self->prepared[question]);
}

static enum status find_sqlite(struct account_store *store, const char *username,
    char hash[PASSWORD_HASH_CAP], struct fault *fault)
{
    struct sqlite_store *self = of(store);
    enum status status = begin(self, FIND, username, NULL, fault);
    if (status != STATUS_OK)
        return status;
    sqlite3_stmt *statement = self->prepared[FIND];
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed(self, fault);
    status = STATUS_NOT_FOUND;
    if (code == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        size_t len = (size_t)sqlite3_column_bytes(statement, 0);
        if (text != NULL && len < PASSWORD_HASH_CAP) {
            memcpy(hash, text, len);
            hash[len] = '\0';
            status = STATUS_OK;
        } else {
            status = fault_set(
                fault, STATUS_INTERNAL, 0, "%s: holds what is no password hash", self->path);
        }
    }
    finish(self, FIND);
    return status;
}

/* A question that changes one row; none: STATUS_NOT_FOUND. */
static enum status change(struct sqlite_store *self, enum question question, const char *username,
    const char *hash, struct fault *fault)
{
    enum status status = begin(self, question, username, hash, fault);
    if (status != STATUS_OK)
        return status;
    int code = sqlite3_step(self->prepared[question]);
    if (code == SQLITE_CONSTRAINT) {
        finish(self, question);
        return account_store_is_there(username, fault);
    }
    if (code != SQLITE_DONE)
        return failed(self, fault);
    int changed = sqlite3_changes(self->database);
    finish(self, question);
    return changed > 0 ? STATUS_OK : account_store_is_not_there(username, fault);
}

static enum status add_sqlite(
    struct account_store *store, const char *username, const char *hash, struct fault *fault)
{
    return change(of(store), ADD, username, hash, fault);
}

static enum status change_sqlite(
    struct account_store *store, const char *username, const char *hash, struct fault *fault)
{
    return change(of(store), CHANGE, username, hash, fault);
}

static enum status remove_sqlite(
    struct account_store *store, const char *username, struct fault *fault)
{
    return change(of(store), REMOVE, username, NULL, fault);
}

static enum status list_sqlite(
    struct account_store *store, account_store_each *each, void *user, struct fault *fault)
{
    struct sqlite_store *self = of(store);
    enum status status = begin(self, LIST, NULL, NULL, fault);
    if (status != STATUS_OK)
        return status;
    int code;
    while ((code = sqlite3_step(self->prepared[LIST])) == SQLITE_ROW)
        each((const char *)sqlite3_column_text(self->prepared[LIST], 0), user);
    if (code != SQLITE_DONE)
        return failed(self, fault);
    finish(self, LIST);
    return STATUS_OK;
}

static const struct account_store_kind sqlite_kind = {.free = free_sqlite,
    .create = create_sqlite,
    .find = find_sqlite,
    .add = add_sqlite,
    .change = change_sqlite,
    .remove = remove_sqlite,
    .list = list_sqlite};

struct account_store *account_store_new(const char *path)
{
    struct sqlite_store *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->store.kind = &sqlite_kind;
    self->path = strdup(path);
    if (self->path != NULL)
        return &self->store;
    free(self);
    return NULL;
}
