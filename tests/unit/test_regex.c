/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions: what is accepted, what it matches, what it comes down to, and that none is catastrophic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "rules/regex.h"
#include "runtime/base/alloc.h"
#include "tests/support/call_fixture.h"

static struct rt_value test(struct fixture *fixture, const char *pattern, struct rt_text subject)
{
    struct expr_regex_fault fault;
    struct expr_regex *regex;
    enum rt_status status = expr_regex_new(rt_text_of(pattern), &fault, &regex);

    if (status != RT_OK)
        fail_msg("`%s` is refused: %s", pattern, fault.message);

    struct rt_value result = expr_regex_test(&fixture->call, regex, subject);

    expr_regex_free(regex);
    return result;
}

static void a_pattern_matches_as_re2_does(void **state)
{
    static const struct {
        const char *pattern;
        const char *subject;
        bool matches;
    } cases[] = {
        {"ubb", "hubba", true},
        {"", "cows", true},
        {"foo|bar", "", false},
        {"gr(a|e)y", "grey", true},
        {"ba(na)*", "banana", true},
        {"a+ñ+a+", "mañana", true},
        {"(a|😀){2}", "🐱😀😀", true},
        /* the end is the end, also before a line end */
        {"a$", "a\n", false},
        {"(?m)a$", "a\nb", true},
        {"(?m)^$", "a\n", true},
        {"a\\z", "a\n", false},
        {"\\Aa", "ba", false},
        {".", "\n", false},
        {"(?s).", "\n", true},
        {"^.$", "ä", true},
        /* ASCII only */
        {"\\d", "٣", false},
        {"\\w", "ä", false},
        {"[[:alpha:]]", "ä", false},
        {"\\pL", "ä", true},
        {"\\p{Lu}", "ä", false},
        {"\\P{Lu}", "ä", true},
        {"\\p{^Lu}", "ä", true},
        {"\\p{Greek}", "α", true},
        {"^\\PL$", "1", true},
        /* the vertical tab is no \s, but a [:space:] */
        {"\\s", "\v", false},
        {"\\S", "\v", true},
        {"[\\s]", "\v", false},
        {"[\\S]", "\v", true},
        {"[[:space:]]", "\v", true},
        {"\\v", "\v", true},
        {"\\v", "\n", false},
        {"[^\\s]", " ", false},
        {"\\s", " ", true},
        {"(?i)k", "\xe2\x84\xaa", true}, /* the Kelvin sign */
        {"(?i:A)b", "ab", true},
        {"(?i:A)b", "aB", false},
        {"(?i)a(?-i)b", "AB", false},
        /* octal, hexadecimal */
        {"^\\101$", "A", true},
        {"^(a)\\12$", "a\n", true},
        {"\\x41\\x{42}", "AB", true},
        {"\\0", "a", false},
        /* what means itself */
        {"a{", "a{", true},
        {"a{x}", "a{x}", true},
        {"{", "{", true},
        {"a{1", "a{1", true},
        {"]", "]", true},
        {"}", "}", true},
        {"[]a]", "]", true},
        {"[^]a]", "]", false},
        {"[a-]", "-", true},
        {"[-a]", "-", true},
        {"[[]", "[", true},
        {"[\\]]", "]", true},
        {"[\\d-z]", "-", true},
        {"[a-c-e]", "-", true},
        {"[a-c-e]", "d", false},
        {"[&&]", "&", true},
        {"\\_", "_", true},
        {"\\Qa.b\\E+", "a.bbb", true},
        {"\\Qa.b", "aXb", false},
        {"a # b", "a # b", true},
        /* repetitions */
        {"^a{2}$", "aa", true},
        {"^a{2,}$", "aaa", true},
        {"^a{2,3}$", "aaaa", false},
        {"^a{0}$", "", true},
        {"x{1000}", "x", false},
        {"(x{10}){100}", "x", false},
        {"a*?b", "aab", true},
        {"a{2}?b", "aab", true},
        {"(?U)a+b", "aab", true},
        {"(?P<n>a)(?<m>b)(?:c)", "abc", true},
        {"()|a", "b", true},
        {"a||b", "c", true},
        {"\\bfoo\\b", "a foo b", true},
        {"\\Boo", "foo", true},
        {"^(10|192\\.168|172\\.(1[6-9]|2[0-9]|3[01]))\\.", "172.20.1.1", true},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rt_value result = test(fixture, cases[i].pattern, rt_text_of(cases[i].subject));

        if (result.type != RT_BOOL || result.u.boolean != cases[i].matches)
            fail_msg("`%s` on `%s`", cases[i].pattern, cases[i].subject);
    }
}

static void what_re2_refuses_is_refused_by_name(void **state)
{
    static const struct {
        const char *pattern;
        const char *message;
        size_t begin, end;
    } cases[] = {
        {"a(?=b)", "look-ahead `(?=` is not supported", 1, 4},
        {"a(?!b)", "look-ahead `(?!` is not supported", 1, 4},
        {"(?<=b)", "look-behind `(?<=` is not supported", 0, 4},
        {"(?<!b)", "look-behind `(?<!` is not supported", 0, 4},
        {"(a)\\1", "backreference `\\1` is not supported", 3, 5},
        {"(?P<n>a)(?P=n)", "backreference `(?P=` is not supported", 8, 12},
        {"(?P<n>a)\\k<n>", "backreference `\\k` is not supported", 8, 10},
        {"a\\g1", "backreference `\\g` is not supported", 1, 3},
        {"a++", "possessive repetition is not supported", 2, 3},
        {"a**", "a repetition of a repetition needs a group", 2, 3},
        {"a{2}{3}", "a repetition of a repetition needs a group", 4, 7},
        {"(?>a)", "atomic group `(?>` is not supported", 0, 3},
        {"(?R)", "recursion `(?R` is not supported", 0, 3},
        {"(?&n)", "recursion `(?&` is not supported", 0, 3},
        {"(?1)", "unknown group or flag; flags are i m s U", 0, 3},
        {"(?(1)a|b)", "condition `(?(` is not supported", 0, 3},
        {"(?|a)", "branch reset `(?|` is not supported", 0, 3},
        {"(?#c)", "comment `(?#` is not supported", 0, 3},
        {"(*ACCEPT)", "verb `(*` is not supported", 0, 2},
        {"(*UCP)a", "verb `(*` is not supported", 0, 2},
        {"a\\Z", "end of text before a line end `\\Z` is not supported", 1, 3},
        {"\\h", "horizontal space `\\h` is not supported", 0, 2},
        {"\\R", "line end `\\R` is not supported", 0, 2},
        {"\\e", "escape character `\\e` is not supported", 0, 2},
        {"\\G", "start of search `\\G` is not supported", 0, 2},
        {"\\K", "reset of the match `\\K` is not supported", 0, 2},
        {"\\C", "single byte `\\C` is not supported", 0, 2},
        {"\\cA", "control character `\\c` is not supported", 0, 2},
        {"\\y", "unknown escape", 0, 2},
        {"\\E", "unknown escape", 0, 2},
        {"[\\b]", "unknown escape", 1, 3},
        {"a\\", "a backslash at the end escapes nothing", 1, 2},
        {"(?x)a", "unknown group or flag; flags are i m s U", 0, 3},
        {"(?i-)a", "unknown group or flag; flags are i m s U", 0, 5},
        {"x{1001}", "at most 1000 repetitions", 1, 7},
        {"(x{100}){11}", "at most 1000 repetitions, nested ones multiplied", 8, 12},
        {"a{,3}", "`{,n}` is ambiguous; write `{0,n}`", 1, 5},
        {"a{3,2}", "the counts of a repetition are reversed", 1, 6},
        {"*a", "nothing to repeat", 0, 1},
        {"a|+", "nothing to repeat", 2, 3},
        {"(a", "`(` without `)`", 0, 2},
        {"a)", "`)` without `(`", 1, 2},
        {"[a", "missing `]`", 0, 2},
        {"[]", "missing `]`", 0, 2},
        {"[z-a]", "bad range in a character class", 1, 4},
        {"[a-\\d]", "bad range in a character class", 1, 5},
        {"[[:foo:]]", "unknown character class", 1, 3},
        {"\\pQ", "unknown character property", 0, 3},
        {"\\p{Xan}", "unknown character property", 0, 7},
        {"\\x4", "`\\x` takes two hexadecimal digits, or any number in braces", 0, 3},
        {"\\x{110000}", "a code point is at most 10FFFF", 0, 8},
        {"\\x{d800}", "a surrogate is no character", 0, 8},
        {"(?P<1>a)", "a group's name has letters, digits and `_` only", 0, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct expr_regex_fault fault;
        struct expr_regex *regex = NULL;
        enum rt_status status = expr_regex_new(rt_text_of(cases[i].pattern), &fault, &regex);

        expr_regex_free(regex);
        if (status != RT_ERR_DIAG || strcmp(fault.message, cases[i].message) != 0 ||
            fault.begin != cases[i].begin || fault.end != cases[i].end)
            fail_msg("`%s`: %d `%s` at %zu to %zu", cases[i].pattern, (int)status,
                     status == RT_ERR_DIAG ? fault.message : "", fault.begin, fault.end);
    }
}

static void a_trivial_pattern_becomes_a_comparison(void **state)
{
    static const struct {
        const char *pattern;
        enum expr_regex_kind kind;
        const char *literal;
    } cases[] = {
        {"^10\\.", EXPR_REGEX_PREFIX, "10."},
        {"\\Afoo", EXPR_REGEX_PREFIX, "foo"},
        {"\\.exe$", EXPR_REGEX_SUFFIX, ".exe"},
        {"^root$", EXPR_REGEX_EQUALS, "root"},
        {"^$", EXPR_REGEX_EQUALS, ""},
        {"EncodedCommand", EXPR_REGEX_CONTAINS, "EncodedCommand"},
        {".*foo.*", EXPR_REGEX_CONTAINS, "foo"},
        {"^foo.*", EXPR_REGEX_PREFIX, "foo"},
        {".*foo$", EXPR_REGEX_SUFFIX, "foo"},
        {"\\Qa.b\\E", EXPR_REGEX_CONTAINS, "a.b"},
        {"", EXPR_REGEX_CONTAINS, ""},
        {"a\\tb", EXPR_REGEX_CONTAINS, "a\tb"},
        {"^.*foo", EXPR_REGEX_GENERAL, NULL},
        {"foo.*$", EXPR_REGEX_GENERAL, NULL},
        {"a.*b", EXPR_REGEX_GENERAL, NULL},
        {"a\\.*", EXPR_REGEX_GENERAL, NULL},
        {"a.b", EXPR_REGEX_GENERAL, NULL},
        {"ab*", EXPR_REGEX_GENERAL, NULL},
        {"a^b", EXPR_REGEX_GENERAL, NULL},
        {"a$b", EXPR_REGEX_GENERAL, NULL},
        {"a|b", EXPR_REGEX_GENERAL, NULL},
        {"(a)", EXPR_REGEX_GENERAL, NULL},
        {"(?i)a", EXPR_REGEX_GENERAL, NULL},
        {"(?m)^a", EXPR_REGEX_GENERAL, NULL},
        {"\\ba", EXPR_REGEX_GENERAL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct expr_regex_fault fault;
        struct expr_regex *regex;
        struct rt_text literal;

        assert_int_equal(expr_regex_new(rt_text_of(cases[i].pattern), &fault, &regex), RT_OK);
        if (expr_regex_kind(regex, &literal) != cases[i].kind ||
            (cases[i].literal != NULL && !rt_text_is(literal, cases[i].literal)))
            fail_msg("`%s`", cases[i].pattern);
        expr_regex_free(regex);
    }
}

/* The comparison and PCRE2 must agree: a search always runs PCRE2. */
static void a_comparison_agrees_with_the_pattern(void **state)
{
    static const char *const patterns[] = {"^ab",   "ab$",   "^ab$", "ab",    ".*ab.*",
                                           "^ab.*", ".*ab$", "^$",   "^",     "$",
                                           ".*",    "",      ".*$",  "^b\\.", "a\\n"};
    static const char alphabet[] = "ab.\n";
    struct fixture *fixture = *state;
    uint32_t seed = 7;

    for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
        struct expr_regex_fault fault;
        struct expr_regex *regex;
        struct rt_text literal;

        assert_int_equal(expr_regex_new(rt_text_of(patterns[p]), &fault, &regex), RT_OK);
        assert_int_not_equal(expr_regex_kind(regex, &literal), EXPR_REGEX_GENERAL);
        for (int round = 0; round < 500; round++) {
            char subject[8];
            size_t length, spans[2];

            seed = seed * 1664525u + 1013904223u;
            length = (seed >> 24) % sizeof(subject);
            for (size_t i = 0; i < length; i++) {
                seed = seed * 1664525u + 1013904223u;
                subject[i] = alphabet[(seed >> 24) % 4];
            }
            struct rt_text text = {subject, length};

            assert_int_equal(expr_regex_test(&fixture->call, regex, text).u.boolean,
                             expr_regex_search(&fixture->call, regex, text, 0, spans, 1).u.boolean);
        }
        expr_regex_free(regex);
        fixture->call.fuel = CALL_FUEL;
    }
}

static void no_pattern_is_catastrophic(void **state)
{
    static const char *const killers[] = {
        "(a+)+$",         "(a*)*$",
        "(a|aa)+$",       "(a|a)*$",
        "(.*a){12}$",     "^(a+)+$",
        "(a?){30}a{30}$", "([a-z]+)*[0-9]",
        "(a+){2,}b",      "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(x+x+)+y",       "(.*)(.*)(.*)[z]",
        "((a*)*)*$",      "(?i)(a|A)*$",
        "(a|b|ab)*c",
    };
    struct fixture *fixture = *state;
    char subject[5001];

    for (size_t length = 24; length < sizeof(subject); length *= 8) {
        memset(subject, 'a', length);
        subject[length] = '!';
        for (size_t i = 0; i < sizeof(killers) / sizeof(killers[0]); i++) {
            struct rt_value result =
                test(fixture, killers[i], (struct rt_text){subject, length + 1});

            assert_true((result.type == RT_BOOL && !result.u.boolean) ||
                        (result.type == RT_ERROR && result.aux == RT_ERROR_LIMIT));
        }
        fixture->call.fuel = CALL_FUEL;
    }
    memset(subject, 'a', 30);
    assert_int_equal(test(fixture, "(a+)+$", (struct rt_text){subject, 30}).u.boolean, true);
    subject[29] = '!';
    assert_int_equal(test(fixture, "(a+)+$", (struct rt_text){subject, 30}).aux, RT_ERROR_LIMIT);
}

/* Each line is short enough for the limit of one start; only all of them together are too much. */
static void a_long_text_does_not_multiply_the_limit(void **state)
{
    enum { LENGTH = 1000000, LINE = 9000 };
    struct fixture *fixture = *state;
    char *subject = rt_alloc(LENGTH);

    memset(subject, 'a', LENGTH);
    for (size_t i = LINE; i < LENGTH; i += LINE + 1)
        subject[i] = '\n';
    assert_int_equal(test(fixture, "(a|b)*[cd]", (struct rt_text){subject, LINE}).type, RT_BOOL);
    assert_int_equal(test(fixture, "(a|b)*[cd]", (struct rt_text){subject, LENGTH}).aux,
                     RT_ERROR_LIMIT);
    subject[LENGTH - 1] = '1';
    assert_true(test(fixture, "[a-z]+\\d", (struct rt_text){subject, LENGTH}).u.boolean);
    rt_free(subject);
}

static void nested_repetitions_are_noticed(void **state)
{
    static const struct {
        const char *pattern;
        bool nests;
    } cases[] = {{"(a+)+", true},    {"(a*b)*", true}, {"((a+)b){2,}", true},
                 {"(a+){3}", false}, {"a+b+", false},  {"(a{3})+", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct expr_regex_fault fault;
        struct expr_regex *regex;

        assert_int_equal(expr_regex_new(rt_text_of(cases[i].pattern), &fault, &regex), RT_OK);
        assert_int_equal(expr_regex_nests_repeats(regex), cases[i].nests);
        expr_regex_free(regex);
    }
}

static void a_pattern_that_is_data_is_compiled_once_and_forgotten_in_time(void **state)
{
    struct fixture *fixture = *state;
    struct rt_value why;
    const struct expr_regex *first = expr_regex_cached(&fixture->call, RT_TEXT("a+"), &why);
    size_t live = 0;

    assert_non_null(first);
    assert_ptr_equal(expr_regex_cached(&fixture->call, RT_TEXT("a+"), &why), first);
    assert_null(expr_regex_cached(&fixture->call, RT_TEXT("(?=a)"), &why));
    assert_int_equal(why.aux, RT_ERROR_PATTERN);
    for (int i = 0; i < 2000; i++) {
        char pattern[16];

        snprintf(pattern, sizeof(pattern), "a{%d}b", i % 900);
        assert_non_null(expr_regex_cached(&fixture->call, rt_text_of(pattern), &why));
        if (rt_live_blocks() > live)
            live = rt_live_blocks();
    }
    assert_true(live < 256 * 8 + 100);
}

static void every_failed_allocation_is_reported(void **state)
{
    struct fixture *fixture = *state;
    size_t before = rt_live_blocks();

    for (size_t nth = 1;; nth++) {
        struct expr_regex_fault fault;
        struct expr_regex *regex = NULL;
        struct expr_caches *caches = NULL;

        rt_fault_arm(nth);

        enum rt_status status = expr_regex_new(RT_TEXT("^(a|b)+\\s$"), &fault, &regex);

        if (status == RT_OK)
            status = expr_caches_new(&caches);
        expr_regex_free(regex);
        expr_caches_free(caches);
        assert_int_equal(rt_live_blocks(), before);
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
    }
    for (size_t nth = 1;; nth++) {
        struct rt_value why;

        rt_fault_arm(nth);

        const struct expr_regex *regex =
            expr_regex_cached(&fixture->call, RT_TEXT("^(a|c)+\\s$"), &why);

        if (!rt_fault_disarm()) {
            assert_non_null(regex);
            break;
        }
        assert_null(regex);
        assert_int_equal(why.aux, RT_ERROR_LIMIT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pattern_matches_as_re2_does),
        TEST(what_re2_refuses_is_refused_by_name),
        TEST(a_trivial_pattern_becomes_a_comparison),
        TEST(a_comparison_agrees_with_the_pattern),
        TEST(no_pattern_is_catastrophic),
        TEST(a_long_text_does_not_multiply_the_limit),
        TEST(nested_repetitions_are_noticed),
        TEST(a_pattern_that_is_data_is_compiled_once_and_forgotten_in_time),
        TEST(every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
