#include "harness/form_table.h"

#include <stdio.h>
#include <string.h>

#include "harness/must.h"

static const char *const command_words[] = {"sendClients", "sendServers", "sendHandler"};
enum { COMMAND_COUNT = sizeof(command_words) / sizeof(command_words[0]) };

static const char *const header_words[] = {"status", "detail", "exchange"};
enum { HEADER_WORD_COUNT = sizeof(header_words) / sizeof(header_words[0]) };

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_command(const char *name)
{
    return is_among(name, command_words, COMMAND_COUNT);
}

static json_t *header_of(json_t *wire)
{
    if (!json_object_get(wire, "header"))
        json_object_set_new(wire, "header", must_json(json_object()));
    return json_object_get(wire, "header");
}

/* {"sendClients": […], "message": …} -> {"type": "sendClients", "data": […], …} */
static json_t *command_to_wire(const json_t *value)
{
    json_t *command = must_json(json_object());
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)value, name, member) {
        if (is_command(name)) {
            json_object_set_new(command, "type", json_string(name));
            json_object_set(command, "data", member);
        } else {
            json_object_set(command, name, member);
        }
    }
    return command;
}

static void add_command(json_t *header, bool stream, json_t *command)
{
    if (!stream) {
        json_object_set_new(header, "command", command);
        return;
    }
    if (!json_object_get(header, "commands"))
        json_object_set_new(header, "commands", must_json(json_array()));
    json_array_append_new(json_object_get(header, "commands"), command);
}

static enum status add_commands(
    json_t *header, bool stream, const json_t *list, struct fault *fault)
{
    if (!json_is_array(list))
        return fault_set(fault, STATUS_INVALID, 0, "\"commands\" is a list of commands");
    if (!stream)
        return fault_set(fault, STATUS_INVALID, 0,
            "a one-shot handler gives one command; \"raw\" says what no word can");
    for (size_t i = 0; i < json_array_size(list); i++)
        add_command(header, true, command_to_wire(json_array_get(list, i)));
    return STATUS_OK;
}

static enum status answer_word(
    json_t *wire, bool stream, const char *name, json_t *member, struct fault *fault)
{
    json_t *header = header_of(wire);

    if (strcmp(name, "commands") == 0)
        return add_commands(header, stream, member, fault);
    if (is_command(name)) {
        if (!stream && json_object_get(header, "command"))
            return fault_set(
                fault, STATUS_INVALID, 0, "a one-shot handler gives one command, not two");
        json_t *command = must_json(json_pack("{s:s, s:O}", "type", name, "data", member));
        add_command(header, stream, command);
    } else if (strcmp(name, "data") == 0) {
        json_object_set(wire, "data", member);
    } else if (is_among(name, header_words, HEADER_WORD_COUNT)) {
        json_object_set(header, name, member);
    } else {
        return fault_set(fault, STATUS_INVALID, 0,
            "no word \"%s\" in an answer: sendClients, sendServers, sendHandler, commands, data, "
            "status, detail",
            name);
    }
    return STATUS_OK;
}

json_t *answer_to_wire(
    bool stream, bool doing, const json_t *value, char *word, struct fault *fault)
{
    json_t *wire = must_json(json_object());
    const char *name;
    json_t *member;

    if (doing)
        json_object_set_new(header_of(wire), "status", json_string("0"));
    json_object_foreach ((json_t *)value, name, member) {
        if (answer_word(wire, stream, name, member, fault) != STATUS_OK) {
            snprintf(word, FORM_WORD_MAX, "%s", name);
            json_decref(wire);
            return NULL;
        }
    }
    return wire;
}

/* ---- the frame -> words ---------------------------------------------------------------------- */

/* {"type": "sendClients", "data": […]} -> {"sendClients": […]}; else NULL. */
static json_t *command_show(const json_t *command)
{
    const char *type = json_string_value(json_object_get(command, "type"));
    json_t *data = json_object_get(command, "data");
    json_t *shown;
    const char *name;
    json_t *member;

    if (!type || !data || !is_command(type) || json_object_get(command, type))
        return NULL;
    shown = must_json(json_pack("{s:O}", type, data));
    json_object_foreach ((json_t *)command, name, member)
        if (strcmp(name, "type") != 0 && strcmp(name, "data") != 0)
            json_object_set(shown, name, member);
    return shown;
}

/* Puts one command into *words, as a word of its own if that says it all. */
static bool show_command(json_t *words, const json_t *command)
{
    json_t *shown = command_show(command);
    const char *name = shown ? json_object_iter_key(json_object_iter(shown)) : NULL;
    bool alone = shown && json_object_size(shown) == 1 && !json_object_get(words, name);

    if (alone)
        json_object_update(words, shown);
    json_decref(shown);
    return alone;
}

static json_t *show_commands_list(const json_t *commands)
{
    json_t *list = must_json(json_array());

    for (size_t i = 0; i < json_array_size(commands); i++) {
        json_t *command = json_array_get(commands, i);
        json_t *shown = command_show(command);

        json_array_append_new(list, shown ? shown : json_incref(command));
    }
    return list;
}

static void show_commands(json_t *words, const json_t *commands)
{
    json_t *separate = must_json(json_object());
    bool ok = json_array_size(commands) > 0;

    for (size_t i = 0; ok && i < json_array_size(commands); i++)
        ok = show_command(separate, json_array_get(commands, i));
    if (ok)
        json_object_update(words, separate);
    else
        json_object_set_new(words, "commands", show_commands_list(commands));
    json_decref(separate);
}

/* Whether the frame holds what words can say, and nothing else. */
static bool has_words(const json_t *wire)
{
    const char *name;
    json_t *member;

    if (!json_is_object(json_object_get(wire, "header")))
        return false;
    json_object_foreach ((json_t *)wire, name, member)
        if (strcmp(name, "header") != 0 && strcmp(name, "data") != 0)
            return false;
    json_object_foreach (json_object_get(wire, "header"), name, member)
        if (strcmp(name, "command") != 0 && strcmp(name, "commands") != 0 &&
            !is_among(name, header_words, HEADER_WORD_COUNT))
            return false;
    return true;
}

json_t *answer_show(const json_t *wire)
{
    json_t *header = json_object_get(wire, "header");
    json_t *command = json_object_get(header, "command");
    json_t *commands = json_object_get(header, "commands");
    json_t *data = json_object_get(wire, "data");

    if (!has_words(wire) || (command && commands) || (commands && !json_is_array(commands)))
        return NULL;
    json_t *words = must_json(json_object());
    if (command && !show_command(words, command)) {
        json_decref(words);
        return NULL;
    }
    if (commands)
        show_commands(words, commands);
    if (data)
        json_object_set(words, "data", data);
    for (size_t i = 0; i < HEADER_WORD_COUNT; i++) {
        json_t *member = json_object_get(header, header_words[i]);
        const char *text = json_string_value(member);
        /* What an answer with a command has unless it says otherwise. */
        bool usual = i == 0 && text && strcmp(text, "0") == 0 && (command || commands);

        if (member && !usual)
            json_object_set(words, header_words[i], member);
    }
    return words;
}
