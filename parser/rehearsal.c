/*
 * rehearsal - see rehearsal.h. Its document is a constant of this program: no foreign byte is ever parsed here.
 */
#include "rehearsal.h"

#include "base64.h"
#include "document.h"

/* One page, one row: stint-pdfgen --kind lecture --producer portal --rows 1 --seed 3. */
static const char lecture_b64[] =
    "JVBERi0xLjYKJeLjz9MKMSAwIG9iago8PCAvVHlwZSAvQ2F0YWxvZyAvUGFnZXMgMiAwIFIgPj4KZW5kb2JqCjIgMCBvYmoKPDwgL1R5cGUgL1Bh"
    "Z2VzIC9LaWRzIFs2IDAgUiBdIC9Db3VudCAxID4+CmVuZG9iagozIDAgb2JqCjw8IC9UeXBlIC9Gb250IC9TdWJ0eXBlIC9UeXBlMSAvQmFzZUZv"
    "bnQgL0hlbHZldGljYSAvRW5jb2RpbmcgL1dpbkFuc2lFbmNvZGluZyA+PgplbmRvYmoKNCAwIG9iago8PCAvVHlwZSAvRm9udCAvU3VidHlwZSAv"
    "VHlwZTEgL0Jhc2VGb250IC9IZWx2ZXRpY2EtQm9sZCAvRW5jb2RpbmcgL1dpbkFuc2lFbmNvZGluZyA+PgplbmRvYmoKNSAwIG9iago8PCAvUHJv"
    "ZHVjZXIgKFBvcnRhbCBSZXBvcnQgRW5naW5lIDYuMikgL1RpdGxlIChMZWN0dXJlcykgPj4KZW5kb2JqCjYgMCBvYmoKPDwgL1R5cGUgL1BhZ2Ug"
    "L1BhcmVudCAyIDAgUiAvTWVkaWFCb3ggWzAgMCA4NDEuOSA1OTUuM10gL0NvbnRlbnRzIDcgMCBSIC9SZXNvdXJjZXMgPDwgL0ZvbnQgPDwgL0Yx"
    "IDMgMCBSIC9GMiA0IDAgUiA+PiA+PiA+PgplbmRvYmoKNyAwIG9iago8PCAvTGVuZ3RoIDYzMCAvRmlsdGVyIC9GbGF0ZURlY29kZSA+PgpzdHJl"
    "YW0KeNqNl0tv2zAQhO/9FTwmQOvyJVrMzc6rARw0gNXmkotq0YGLRA5kKYD/fZWYK0hcFsuLDdrfzgxoeAdaFuz7jWSSs2LLtJhxzlmWZZ/vRcXO"
    "Vm7Tdo07nLPiL7suviw/eMHsB240R/yvevfumsOuPbJ29+ra8s+L+8qqpty2IKHmpynlp09HPsv618ax7QBwmQacvpH55+ETsDoR8Bm0Ci0CBRLA"
    "FoJMKYKb0DI0CTVoIuIyt6mEz6EMcgk0aAK7SJGlEnAfNnQJNWgi4mJ0KuFz+OPYJdCgCeyi/CGB8DnmAv0RAg2aiLhYm0r4HCJDP38okoBgH9gj"
    "CYRPkmehS6hBE9hl2Gs0ATdi0MWHIgkI9sm5IIjlaX+Lyf4WdtjH9/uqe3GT7Q20zRH9c7t1jauiuIio3zb77i1O5wrRq7J+jsLSQ2N4sWl3732N"
    "xAcMzn5VxlmlJGKLvpqisOY49m9Xd3E6y3Duy/L1rTtEcaM1wtdtVx3ZQ7Mfboaz5+QG1LmZaZ0AnL7pd2Nmpv1FAmQDggIJYAtBpkwvwCEGSURc"
    "fHnRBF2AoEET2AXKiyboAhzugyQiLkYnEnQBggZNYBcoL5qgCxA0aCLiYm0ikdB/IJKAYB8oL5qgCxA0aAK7QHXRREL/DTdCI9gHKvL/hH9kmVSk"
    "tnJYwY/FI1NWBU84k44c42sZJUVE+ZbHVaEcx+wCSNHv/4C2MzOf0qtxW0xo6NIJLaIxoEXH6P2+roIiFUGRjnFuLxRn33riQvLoFDTqeOrS1a2r"
    "y+bITHQGenU882NR3Nxdr66iA9Cs44HlesOezu6Kp3MmpFD9x3OY/Qc1ABh4CmVuZHN0cmVhbQplbmRvYmoKeHJlZgowIDgKMDAwMDAwMDAwMCA2"
    "NTUzNSBmIAowMDAwMDAwMDE1IDAwMDAwIG4gCjAwMDAwMDAwNjQgMDAwMDAgbiAKMDAwMDAwMDEyMiAwMDAwMCBuIAowMDAwMDAwMjE5IDAwMDAw"
    "IG4gCjAwMDAwMDAzMjEgMDAwMDAgbiAKMDAwMDAwMDM5NyAwMDAwMCBuIAowMDAwMDAwNTM3IDAwMDAwIG4gCnRyYWlsZXIKPDwgL1NpemUgOCAv"
    "Um9vdCAxIDAgUiAvSW5mbyA1IDAgUiA+PgpzdGFydHhyZWYKMTIzOQolJUVPRgo=";

void rehearsal_run(const struct layout_set *layouts)
{
    AUTO_FREE char *bytes = NULL;
    size_t size = 0;
    struct err e = {0};
    json_t *reply = NULL;
    const struct document_options options = {.expect = "auto", .layouts = layouts, .password = "", .max_pages = 1};
    if (base64_decode(lecture_b64, sizeof lecture_b64 - 1, &bytes, &size) == 0 && document_parse(bytes, size, &options, &reply, &e) == 0)
        json_decref(reply);
}
