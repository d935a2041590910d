#include "bester-send/compose.h"

#include <string.h>

void compose_init(struct compose *self, const struct settings *settings)
{
    *self = (struct compose){.settings = settings};
    bytes_init(&self->data, SIZE_MAX / 2);
}

void compose_release(struct compose *self)
{
    form_release(&self->form);
    template_free(self->sheet);
    bytes_release(&self->data);
    self->sheet = NULL;
}

bool compose_lacks_template(const struct compose *self)
{
    return source_by_template(self->settings->source) && self->sheet == NULL;
}

static enum status fill(struct compose *self, struct fault *fault)
{
    const struct settings *settings = self->settings;
    for (size_t i = 0; i < settings->pair_count; i++) {
        enum status status =
            form_set_pair(&self->form, settings->pairs[i].text, settings->pairs[i].is_json, fault);
        if (status != STATUS_OK)
            return status;
    }
    const struct template_field *rest = template_rest(self->sheet);
    bool has_text = settings->source != SOURCE_FORM || settings->text != NULL;
    if (!has_text)
        return STATUS_OK;
    if (rest == NULL)
        return fault_set(fault, STATUS_INVALID, 0,
            "the template of %s has no field that takes text; give its fields with --arg",
            self->sheet->type);
    if (form_has(&self->form, rest))
        return fault_set(
            fault, STATUS_INVALID, 0, "%s is given as a field and as text", rest->name);
    if (settings->source == SOURCE_FORM)
        return form_set_text(&self->form, rest, span_of(settings->text), fault);
    return STATUS_OK;
}

enum status compose_adopt(struct compose *self, struct type_template *sheet, struct fault *fault)
{
    self->sheet = sheet;
    if (strcmp(sheet->type, self->settings->type) != 0)
        return fault_set(fault, STATUS_INVALID, 0, "the template is for the type %s, not for %s",
            sheet->type, self->settings->type);
    if (form_init(&self->form, sheet) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "out of memory");
    return fill(self, fault);
}

enum status compose_find_template(
    const struct settings *settings, struct type_template **sheet, struct fault *fault)
{
    if (settings->template_file != NULL)
        return template_load(sheet, settings->template_file, fault);
    enum status status = template_load_own(sheet, settings->type, fault);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status check_json(struct span text, struct span *data, struct fault *fault)
{
    struct fault inner = {0};
    if (json_check(text, JSON_DEPTH_DEFAULT, &inner) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, 0, "not JSON: %s", inner.text);
    *data = text;
    return STATUS_OK;
}

enum status compose_data(
    struct compose *self, struct span record, struct span *data, struct fault *fault)
{
    const struct settings *settings = self->settings;
    if (settings->source == SOURCE_DATA)
        return check_json(span_of(settings->data), data, fault);
    if (settings->source == SOURCE_NDJSON)
        return check_json(record, data, fault);
    if (settings->source != SOURCE_FORM) {
        enum status status = form_set_text(&self->form, template_rest(self->sheet), record, fault);
        if (status != STATUS_OK)
            return status;
    }
    bytes_reset(&self->data);
    enum status status = form_data(&self->form, &self->data, fault);
    if (status == STATUS_OK)
        *data = bytes_span(&self->data);
    return status;
}
