/*
 * handover_note - see handover_note.h. Refuses what is no JSON object with a word.
 */
#include "handover_note.h"

#include "packet.h"
#include "utf8.h"

int handover_note_send(int fd, const char *word, json_t *fields, int pass_fd)
{
    json_t *note = fields != NULL ? fields : json_object();
    int rc = note == NULL || json_object_set_new(note, "say", json_string(word)) < 0 ? -ENOMEM : 0;
    AUTO_FREE char *text = rc == 0 ? json_dumps(note, JSON_COMPACT) : NULL;
    json_decref(note);
    if (text == NULL)
        return -ENOMEM;
    return packet_send(fd, text, strlen(text), &pass_fd, pass_fd >= 0 ? 1 : 0);
}

int handover_note_receive(int fd, json_t **ret_note, int *ret_fd)
{
    AUTO_FREE char *text = malloc(HANDOVER_NOTE_MAX);
    AUTO_CLOSE int taken = -1;
    ssize_t n;
    if (text == NULL)
        return -ENOMEM;
    do /* a peer that ended with something unread resets the socket, and that is told before what it said last */
        n = packet_receive(fd, text, HANDOVER_NOTE_MAX, &taken, 1, MSG_DONTWAIT);
    while (n == -ECONNRESET);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0)
        return n == 0 ? -ENODATA : n == -EMSGSIZE ? -EBADMSG : (int)n;
    json_t *note = json_loadb(text, (size_t)n, 0, NULL);
    if (!json_is_string(json_object_get(note, "say"))) {
        json_decref(note);
        return -EBADMSG;
    }
    *ret_note = note;
    *ret_fd = taken;
    taken = -1;
    return 1;
}

json_t *handover_note_words(const char *text)
{
    AUTO_FREE char *clean = utf8_harmless(text, strlen(text));
    return json_string(clean != NULL ? clean : "");
}

const char *handover_note_text(const json_t *note, const char *key)
{
    const char *text = json_string_value(json_object_get(note, key));
    return text != NULL ? text : "";
}

int64_t handover_note_number(const json_t *note, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(note, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}
