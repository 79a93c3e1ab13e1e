/* Words become lines where their boxes say so, and results get names that do not depend on how a document was named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pdf_inputs.h"
#include "pdf_lines.h"

/* The lines of words, joined by '/'; the caller frees words and the text. */
static char *lines_of(const char *json)
{
    json_t *words = json_loads(json, 0, NULL);
    char *all = strdup("");
    assert_non_null(words);
    for (size_t at = 0; at < json_array_size(words);) {
        char *line = pdf_lines_next(words, at, &at), *longer = NULL;
        assert_non_null(line);
        assert_true(asprintf(&longer, "%s%s%s", all, *all != '\0' ? "/" : "", line) >= 0);
        free(line);
        free(all);
        all = longer;
    }
    json_decref(words);
    return all;
}

static void test_pdf_lines_next_words_beside_are_one_line_and_gaps_show(void **state)
{
    (void)state;
    char *text = lines_of("[{\"page\":1,\"text\":\"COS\",\"box\":[10,10,30,20]},{\"page\":1,\"text\":\"214\",\"box\":[33,10,45,20]},"
                          "{\"page\":1,\"text\":\"Monday\",\"box\":[80,11,110,21]},{\"page\":1,\"text\":\"next\",\"box\":[10,22,30,32]},"
                          "{\"page\":1,\"text\":\"back\",\"box\":[5,22,9,32]},{\"page\":2,\"text\":\"over\",\"box\":[33,22,45,32]}]");
    assert_string_equal(text, "COS 214   Monday/next/back/over");
    free(text);
}

static void test_pdf_lines_next_words_without_boxes_are_lines_of_their_own(void **state)
{
    (void)state;
    char *text = lines_of("[{\"text\":\"a\"},{\"text\":\"b\",\"box\":\"no box\"},{}]");
    assert_string_equal(text, "a/b/");
    free(text);
}

static void test_pdf_inputs_result_name_drops_folder_and_extension(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"in/exams.pdf", "exams.ics"},    {"exams", "exams.ics"},          {".pdf", ".pdf.ics"}, {"-", "stdin.ics"},
        {"https://h/a/b.pdf?x=1.2", "b.ics"}, {"https://h/a/", "document.ics"}, {"a.b/c.d.PDF", "c.d.ics"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *name = pdf_inputs_result_name(cases[i][0], "ics");
        assert_string_equal(name, cases[i][1]);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf_lines_next_words_beside_are_one_line_and_gaps_show),
        cmocka_unit_test(test_pdf_lines_next_words_without_boxes_are_lines_of_their_own),
        cmocka_unit_test(test_pdf_inputs_result_name_drops_folder_and_extension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
