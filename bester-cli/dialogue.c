#include "bester-cli/dialogue.h"

#include <stdio.h>
#include <string.h>

#include "libbester/visible.h"

enum status dialogue_start(struct dialogue *self, const struct type_template *sheet, const char *to)
{
    struct form form;
    enum status status = form_init(&form, sheet);
    if (status != STATUS_OK)
        return status;
    dialogue_stop(self);
    *self = (struct dialogue){.active = sheet->field_count > 0, .form = form, .sheet = sheet};
    snprintf(self->to, sizeof self->to, "%s", to);
    return STATUS_OK;
}

void dialogue_stop(struct dialogue *self)
{
    form_release(&self->form);
    self->active = false;
}

static const struct template_field *asked(const struct dialogue *self)
{
    return &self->sheet->fields[self->field];
}

static const char *fallback(const struct dialogue *self)
{
    return asked(self)->kind == FIELD_RECIPIENTS ? self->to : "";
}

const char *dialogue_question(const struct dialogue *self, char *out, size_t cap)
{
    const struct template_field *field = asked(self);
    char name[80];
    char help[200];
    char otherwise[120] = "";
    visible_into(name, sizeof name, span_of(field->name));
    visible_into(help, sizeof help, span_of(field->help == NULL ? "" : field->help));
    if (fallback(self)[0] != '\0') {
        char to[80];
        snprintf(otherwise, sizeof otherwise, "; empty: %s",
            visible_into(to, sizeof to, span_of(self->to)));
    } else if (!field->required) {
        snprintf(otherwise, sizeof otherwise, "; may be empty");
    }
    snprintf(out, cap, "  %s (%s%s%s%s): ", name, field_kind_help(field->kind),
        help[0] == '\0' ? "" : "; ", help, otherwise);
    return out;
}

void dialogue_skip(struct dialogue *self)
{
    while (self->field < self->sheet->field_count && form_has(&self->form, asked(self)))
        self->field++;
    self->active = self->field < self->sheet->field_count;
}

enum status dialogue_answer(struct dialogue *self, const char *line, struct fault *fault)
{
    const struct template_field *field = asked(self);
    enum status status = STATUS_OK;
    if (line[0] == '\0')
        line = fallback(self);
    if (line[0] != '\0')
        status = form_set_text(&self->form, field, span_of(line), fault);
    else if (field->required)
        status = fault_set(fault, STATUS_INVALID, 0, "%s must not be empty", field->name);
    if (status != STATUS_OK)
        return status;
    self->field++;
    dialogue_skip(self);
    return STATUS_OK;
}

enum status dialogue_data(const struct dialogue *self, struct bytes *out, struct fault *fault)
{
    return form_data(&self->form, out, fault);
}
