/* json_check against jansson: on each text of the corpus, and on many that are
 * made from them by chance. BESTER_SEED chooses other ones, BESTER_MUTATIONS how
 * many. */
#include <stdio.h>

#include "libbester/bytes.h"
#include "tests/fuzz/oracle.h"
#include "tests/libbester/support.h"

enum { MUTATIONS = 200000, LONGEST = 600 };

static void print_text(struct span text)
{
    for (size_t i = 0; i < text.len && i < LONGEST; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte >= 0x20 && byte < 0x7F && byte != '\\')
            print_error("%c", byte);
        else
            print_error("\\x%02x", byte);
    }
    print_error("\n");
}

static void corpus(const char *directory, size_t least, enum oracle expected)
{
    struct fixtures fixtures;
    fixtures_load(&fixtures, directory, least);
    for (size_t i = 0; i < fixtures.count; i++) {
        char room[600];
        const char *why = "";
        struct span text = fixtures.at[i].text;
        enum oracle answer = oracle_ask(text, &why, room, sizeof room);
        /* Too deep and never closed: jansson refuses for another reason. */
        bool both = answer == ORACLE_KNOWN && expected == ORACLE_BOTH_REFUSE;
        if (both)
            both = json_check(text, JSON_DEPTH_DEFAULT, NULL) != STATUS_OK;
        if (answer != expected && !both)
            fail_msg("%s: %d, not %d. %s", fixtures.at[i].name, (int)answer, (int)expected, why);
    }
    fixtures_free(&fixtures);
}

static void both_accept_what_is_json(void **state)
{
    (void)state;
    corpus("corpus/json/accept", 250, ORACLE_BOTH_ACCEPT);
}

static void both_refuse_what_is_not(void **state)
{
    (void)state;
    corpus("corpus/json/refuse", 400, ORACLE_BOTH_REFUSE);
}

static void they_differ_only_where_the_table_says(void **state)
{
    (void)state;
    corpus("corpus/json/either", 30, ORACLE_KNOWN);
}

/* ---- by chance ---- */

/* The texts that mutations start from: those of the corpus that are not long. */
struct stock {
    struct fixtures fixtures[3];
    struct span texts[1000];
    size_t count;
};

static void stock_load(struct stock *self)
{
    static const char *const directories[] = {
        "corpus/json/accept", "corpus/json/refuse", "corpus/json/either"};
    self->count = 0;
    for (size_t i = 0; i < 3; i++) {
        fixtures_load(&self->fixtures[i], directories[i], 30);
        for (size_t j = 0; j < self->fixtures[i].count; j++) {
            assert_true(self->count < sizeof self->texts / sizeof self->texts[0]);
            if (self->fixtures[i].at[j].text.len <= LONGEST / 2)
                self->texts[self->count++] = self->fixtures[i].at[j].text;
        }
    }
}

static void stock_free(struct stock *self)
{
    for (size_t i = 0; i < 3; i++)
        fixtures_free(&self->fixtures[i]);
}

/* A text under change; at most LONGEST bytes, the rest falls off the end. */
struct mutant {
    char text[LONGEST];
    size_t len;
};

static void insert(struct mutant *self, size_t at, struct span piece)
{
    if (piece.len > LONGEST - at)
        piece.len = LONGEST - at;
    size_t tail = self->len - at;
    if (tail > LONGEST - at - piece.len)
        tail = LONGEST - at - piece.len;
    memmove(self->text + at + piece.len, self->text + at, tail);
    memcpy(self->text + at, piece.at, piece.len);
    self->len = at + piece.len + tail;
}

static void cut(struct mutant *self, size_t at, size_t len)
{
    if (len > self->len - at)
        len = self->len - at;
    memmove(self->text + at, self->text + at + len, self->len - at - len);
    self->len -= len;
}

static void mutate(struct mutant *self, const struct stock *stock, struct dice *dice)
{
    /* Pieces that mean something in JSON; chance alone seldom writes them. */
    static const char *const pieces[] = {"\"", "\\", "{", "}", "[", "]", ",", ":", "\\u", "\\ud800",
        "\\udc00", "\\u0000", "0", "-", ".", "e", "9", "true", "null", "\xC3\xA9", "\xED\xA0\x80",
        "\xF4\x8F\xBF\xBF", "\x80", "\xFF", " ", "\n", "\t", "\x1F", "\x7F", "\"a\":", "[[", "]]",
        "{\"a\":", "1e999", "99999999999999999999"};
    size_t at = dice_below(dice, self->len + 1);
    struct span piece;
    switch (dice_below(dice, 7)) {
    case 0: /* flip a bit */
        if (at < self->len)
            self->text[at] = (char)(self->text[at] ^ (1 << dice_below(dice, 8)));
        break;
    case 1: /* any byte */
        if (at < self->len)
            self->text[at] = (char)dice_next(dice);
        break;
    case 2:
        cut(self, at, 1 + dice_below(dice, 8));
        break;
    case 3:
    case 4:
        insert(self, at, span_of(pieces[dice_below(dice, sizeof pieces / sizeof pieces[0])]));
        break;
    case 5: /* a part of another text */
        piece = stock->texts[dice_below(dice, stock->count)];
        piece.len = dice_below(dice, piece.len + 1);
        insert(self, at, piece);
        break;
    default: /* a part of its own */
        piece.len = dice_below(dice, self->len - at + 1);
        if (piece.len > 32)
            piece.len = 32;
        char own[32];
        memcpy(own, self->text + at, piece.len);
        piece.at = own;
        insert(self, dice_below(dice, self->len + 1), piece);
        break;
    }
}

static void try_mutant(const struct stock *stock, struct dice *dice, size_t *answers)
{
    struct mutant mutant;
    uint64_t before = dice->state;
    char room[600];
    const char *why = "";
    struct span text = stock->texts[dice_below(dice, stock->count)];
    memcpy(mutant.text, text.at, text.len);
    mutant.len = text.len;
    for (size_t changes = 1 + dice_below(dice, 4); changes > 0; changes--)
        mutate(&mutant, stock, dice);
    struct span exact = exact_copy(mutant.text, mutant.len);
    enum oracle answer = oracle_ask(exact, &why, room, sizeof room);
    if (answer == ORACLE_DIFFERENT) {
        print_text(exact);
        fail_msg("BESTER_SEED=0x%llx is the seed that begins with this text. %s",
            (unsigned long long)before, why);
    }
    answers[answer]++;
    exact_free(exact);
}

static void they_agree_on_texts_made_by_chance(void **state)
{
    (void)state;
    struct dice dice = {.state = dice_seed(UINT64_C(0xBE57E2))};
    const char *wanted = getenv("BESTER_MUTATIONS");
    unsigned long count = wanted == NULL ? MUTATIONS : strtoul(wanted, NULL, 10);
    size_t answers[ORACLE_DIFFERENT + 1] = {0};
    static struct stock stock;
    stock_load(&stock);
    assert_in_range(stock.count, 300, 1000);
    for (unsigned long i = 0; i < count; i++)
        try_mutant(&stock, &dice, answers);
    /* Mutations that all fail alike would prove little. */
    if (wanted == NULL) {
        assert_in_range(answers[ORACLE_BOTH_ACCEPT], MUTATIONS / 20, MUTATIONS);
        assert_in_range(answers[ORACLE_BOTH_REFUSE], MUTATIONS / 20, MUTATIONS);
        assert_in_range(answers[ORACLE_KNOWN], 100, MUTATIONS);
    }
    stock_free(&stock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_accept_what_is_json),
        cmocka_unit_test(both_refuse_what_is_not),
        cmocka_unit_test(they_differ_only_where_the_table_says),
        cmocka_unit_test(they_agree_on_texts_made_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
