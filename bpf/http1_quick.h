/* HTTP/1 heads, many bytes at a time: whole lines that lie in the window. Pure.
 *
 * The machine in http1.h is the reference. What is read here leaves the same state behind, in all
 * that a later byte depends on, and the same event:
 *
 *   START -> LINE: a first line;   LINE -> LINE: fields;   LINE -> HEAD_LF: their end, event HEAD
 *
 * A line that the window cuts, and whatever is unusual, is left to the machine, untouched. No word is
 * read from behind the window's last byte, and what of a word lies there never decides. */
#pragma once

#include "http1.h"

#define QUICK_WORDS 96        /* of lines, in one call */
#define QUICK_TARGET_WORDS 48 /* in longer ones the machine finds the end */
#define QUICK_REASON_MAX 32
#define QUICK_NOT (~0u) /* no place in a window: this is the machine's */

/* Bit 7 of each byte that is a control character; only the lowest one is exact. */
pure __u64 quick_controls(__u64 word)
{
    return (word - 0x2020202020202020ull) & ~word & 0x8080808080808080ull;
}

/* ... or a space, or DEL. */
pure __u64 quick_target_ends(__u64 word)
{
    return ((word - 0x2121212121212121ull) | (word + 0x0101010101010101ull)) & ~word &
           0x8080808080808080ull;
}

/* Where the line begins that follows one ending at `at`, with CR LF in the window; else QUICK_NOT. */
pure __u32 quick_next(const struct window *w, __u32 at)
{
    if (at + 2 > w->length || (window_word(w, at) & 0xffff) != ('\r' | '\n' << 8))
        return QUICK_NOT;
    return at + 2;
}

/* The same letters, small or capital; `letters` has 0x20 where there are any. */
pure int quick_is(__u64 word, __u64 letters, __u64 literal)
{
    return (word | letters) == literal;
}

/* --- the first line ----------------------------------------------------------- */

/* The method, if the word begins with capital letters and a space; 0: it does not, or the method
 * means more than that a request begins. */
pure __u64 quick_method(__u64 word, __u32 *length)
{
    __u64 spaces = word_matches(word, ' '), rest, filled;

    *length = word_first(spaces);
    if (!spaces || !*length)
        return 0;
    rest = ~0ull << *length * 8;
    word &= ~rest;
    filled = word | (rest & 0x4141414141414141ull);
    if (((filled - 0x4141414141414141ull) | (filled + 0x2525252525252525ull) | filled) &
        0x8080808080808080ull)
        return 0;
    if (word == H1_LITERAL('C', 'O', 'N', 'N', 'E', 'C', 'T', 0) ||
        word == H1_LITERAL('P', 'R', 'I', 0, 0, 0, 0, 0) ||
        word == H1_LITERAL('P', 'R', 'O', 'X', 'Y', 0, 0, 0))
        return 0;
    return word;
}

/* The end of a target that begins at `at`; of a longer one, somewhere inside. */
pure __u32 quick_target(const struct window *w, __u32 at)
{
    __u32 length = w->length;

    for (int i = 0; i < QUICK_TARGET_WORDS && at < length; i++) {
        __u64 ends = quick_target_ends(window_word(w, at));

        if (ends)
            return at + word_first(ends);
        at += 8;
    }
    return at;
}

/* Do `length` bytes of the window from `at` on equal a health check's path of that length? */
verified_once int quick_is_path(const struct probe *probe, struct window *w, __u32 at, __u32 length)
{
    if (!probe || !w)
        return 0;
    for (__u32 i = 0; i < PROBE_PATH_MAX && i < length; i += 8) {
        __u64 differ = window_word(w, at + i) ^ word_at((const __u8 *)&probe->path[i], 0);

        if (length - i < 8)
            differ <<= 64 - (length - i) * 8;
        if (differ)
            return 0;
    }
    return 1;
}

/* Is a target a health check's, whatever its host? */
verified_once int quick_is_probe(const struct probe_set *set, struct window *w, __u32 at,
                                 __u32 length)
{
    if (!set || !w)
        return 0;
    for (int i = 0; i < PROBES_PER_SET; i++)
        if (set->probe[i].path_len == length && quick_is_path(&set->probe[i], w, at, length))
            return 1;
    return 0;
}

/* Moves behind a request line. 0: not this one. */
pure int quick_request_line(struct http1 *p, struct window *w, const struct probe_set *set)
{
    __u32 length, target, at = w->position, next;
    __u64 method, version;

    method = quick_method(window_word(w, at), &length);
    target = at + length + 1;
    if (!method)
        return 0;
    at = quick_target(w, target);
    if (at == target || at + 9 >= w->length || window_byte(w, at) != ' ')
        return 0;
    version = window_word(w, at + 1) ^ H1_LITERAL('H', 'T', 'T', 'P', '/', '1', '.', '0');
    next = quick_next(w, at + 9);
    if (version >> 56 > 9 || version << 8 || next == QUICK_NOT ||
        (set && quick_is_probe(set, w, target, at - target)))
        return 0;
    p->state = H1_LINE;
    p->flags = 0;
    p->words = method == H1_LITERAL('H', 'E', 'A', 'D', 0, 0, 0, 0) ? H1_IS_HEAD : 0;
    p->probes = 0;
    p->target = at - target;
    w->position = next;
    return 1;
}

/* The status that begins the word; 0: none, or not three digits from 100 on. */
pure __u32 quick_status(__u64 word)
{
    __u32 hundreds = (word >> 8 & 0xff) - '0', tens = (word >> 16 & 0xff) - '0',
          ones = (word >> 24 & 0xff) - '0';

    if ((word & 0xff) != ' ' || hundreds - 1 > 8 || tens > 9 || ones > 9)
        return 0;
    return hundreds * 100 + tens * 10 + ones;
}

/* Moves behind a status line. 0: not this one. */
pure int quick_status_line(struct http1 *p, struct window *w)
{
    __u32 at = w->position, status, next = QUICK_NOT;
    __u64 version;

    if (at + 14 > w->length)
        return 0;
    version = window_word(w, at) ^ H1_LITERAL('H', 'T', 'T', 'P', '/', '1', '.', '0');
    status = quick_status(window_word(w, at + 8));
    at += 12;
    if (version >> 56 > 9 || version << 8 || !status ||
        (window_byte(w, at) != ' ' && window_byte(w, at) != '\r'))
        return 0;
    for (int i = 0; i < QUICK_REASON_MAX / 8 && at < w->length; i++) {
        __u64 controls = quick_controls(window_word(w, at));

        if (controls) {
            next = quick_next(w, at + word_first(controls));
            break;
        }
        at += 8;
    }
    if (next == QUICK_NOT)
        return 0;
    p->state = H1_LINE;
    p->flags = H1_RESPONSE;
    p->words = 0;
    p->status = status;
    w->position = next;
    return 1;
}

/* --- fields ------------------------------------------------------------------- */

/* Up to 7 digits that the word begins with, and how many. */
pure __u64 quick_number(__u64 word, __u32 *digits)
{
    __u64 values = word ^ 0x3030303030303030ull;
    __u64 ends = (values | (values + 0x7676767676767676ull)) & 0x8080808080808080ull;

    *digits = ends ? word_first(ends) : 0;
    if (!*digits)
        return 0;
    values <<= 64 - *digits * 8;
    values = values * (10 * 256 + 1) >> 8 & 0x00ff00ff00ff00ffull;
    values = values * (100 * 65536 + 1) >> 16 & 0x0000ffff0000ffffull;
    return values * (10000 * (1ull << 32) + 1) >> 32;
}

/* Where the value begins: behind the colon and one space, if there is one. */
pure __u32 quick_value(const struct window *w, __u32 colon)
{
    if (window_byte(w, colon) != ':')
        return QUICK_NOT;
    return colon + 1 + (window_byte(w, colon + 1) == ' ');
}

/* Where the line begins that follows a Content-Length; QUICK_NOT: not this one. */
pure __u32 quick_content_length(const struct window *w, __u32 line, __u64 *number)
{
    __u32 value = quick_value(w, line + 14), digits;

    if (value == QUICK_NOT)
        return QUICK_NOT;
    *number = quick_number(window_word(w, value), &digits);
    return digits ? quick_next(w, value + digits) : QUICK_NOT;
}

/* The same of a Transfer-Encoding, with the one value "chunked". */
pure __u32 quick_transfer_encoding(const struct window *w, __u32 line)
{
    __u32 value = quick_value(w, line + 17);

    if (!quick_is(window_word_behind(w, line, 8), 0x2020202020202000ull,
                  H1_LITERAL('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n')) ||
        h1_lower(window_byte(w, line + 16)) != 'g' || value == QUICK_NOT ||
        !quick_is(window_word(w, value) << 8, 0x2020202020202000ull,
                  H1_LITERAL(0, 'c', 'h', 'u', 'n', 'k', 'e', 'd')))
        return QUICK_NOT;
    return quick_next(w, value + 7);
}

/* Is the value behind `colon` one that does not matter? `literal` is the one that does; the bits of
 * `rest` are behind it. */
pure int quick_differs(const struct window *w, __u32 colon, __u64 literal, __u64 rest)
{
    __u32 value = quick_value(w, colon);
    __u64 word;

    if (value == QUICK_NOT)
        return 0;
    word = window_word(w, value);
    return (word & 0xff) != ' ' && (word & 0xff) != '\t' && (word | rest) != (literal | rest);
}

/* By its first byte: can a line be the end, a folded one, or a field that matters? Those are the
 * bytes CR, LF, space, tab, C, T and U, and others that share their lower five bits. */
pure int quick_may_matter(__u64 word)
{
    const __u32 marks = 1u << '\r' | 1u << '\n' | 1u << (' ' & 31) | 1u << '\t' | 1u << ('c' & 31) |
                        1u << ('t' & 31) | 1u << ('u' & 31);

    return marks >> (word & 31) & 1;
}

/* A place in the window or just behind it. To the verifier all are one. */
pure __u32 quick_place(__u32 at)
{
    opaque_value(at);
    return at & (2 * WINDOW_SIZE - 1);
}

/* Notes where a line begins that may matter. 0: it is another one, or there is no room. */
pure int quick_note(struct window *w, __u32 line, __u64 word)
{
    __u32 count = w->notes;

    if ((word & 0xff) <= ' ' || count >= WINDOW_NOTES)
        return 0;
    opaque_value(count);
    w->note[count & (WINDOW_NOTES - 1)] = line;
    w->notes = count + 1;
    return 1;
}

/* Passes whole lines, and notes those that may matter. Returns where the first one begins that was
 * not passed. One flat loop that calls nothing: here the time goes, and the verifier walks each round
 * of it, with every way through it. */
pure __u32 quick_scan(struct window *w)
{
    __u32 line = quick_place(w->position), at = quick_place(line), length = w->length;

    for (int i = 0; i < QUICK_WORDS && at < length; i++) {
        __u64 word = window_word(w, at), controls;

        if (at == line && quick_may_matter(word) && !quick_note(w, line, word))
            break;
        controls = quick_controls(word);
        if (!controls) {
            at = quick_place(at + 8);
            continue;
        }
        at = quick_next(w, at + word_first(controls));
        if (at == QUICK_NOT)
            break;
        at = quick_place(at);
        line = quick_place(at);
    }
    return line;
}

pure enum http1_event quick_head_end(struct http1 *p, struct window *w)
{
    __u32 next = quick_next(w, w->position);

    if (next == QUICK_NOT)
        return H1_NONE;
    w->position = next;
    p->state = H1_HEAD_LF;
    return H1_HEAD;
}

/* --- one that was noted: takes what matters of it. 0: it is the machine's ------- */

pure int quick_take_length(struct http1 *p, const struct window *w, __u32 line, __u32 *after)
{
    __u64 number = 0;

    if (p->flags & H1_HAS_LENGTH)
        return 0;
    *after = quick_content_length(w, line, &number);
    if (*after == QUICK_NOT)
        return 0;
    p->length = number;
    p->flags |= H1_HAS_LENGTH;
    p->field = H1_CONTENT_LENGTH;
    return 1;
}

pure int quick_take_coding(struct http1 *p, const struct window *w, __u32 line, __u32 *after)
{
    if (p->flags & H1_CODED)
        return 0;
    *after = quick_transfer_encoding(w, line);
    if (*after == QUICK_NOT)
        return 0;
    p->flags |= H1_CODED | H1_CHUNKED;
    p->field = H1_TRANSFER_ENCODING;
    return 1;
}

/* Which it is, by its first bytes. `after` becomes its end, of those whose end matters. */
pure int quick_take(struct http1 *p, const struct window *w, __u32 line, __u32 *after)
{
    const __u64 letters = 0x2020202020202020ull, word = window_word(w, line);

    if (quick_is(word, letters >> 8, H1_LITERAL('c', 'o', 'n', 't', 'e', 'n', 't', '-')))
        return !quick_is(window_word_behind(w, line, 6), 0x2020202020200020ull,
                         H1_LITERAL('t', '-', 'l', 'e', 'n', 'g', 't', 'h')) ||
               quick_take_length(p, w, line, after);
    if (quick_is(word, letters, H1_LITERAL('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')))
        return quick_take_coding(p, w, line, after);
    if (quick_is(word, 0x2020200020202020ull, H1_LITERAL('u', 's', 'e', 'r', '-', 'a', 'g', 'e')))
        return quick_differs(w, line + 10, H1_LITERAL('E', 'n', 'v', 'o', 'y', '/', 'H', 'C'), 0);
    if (quick_is(word << 8, letters << 8, H1_LITERAL(0, 'u', 'p', 'g', 'r', 'a', 'd', 'e')))
        return quick_differs(w, line + 7, H1_LITERAL('h', '2', 'c', 0, 0, 0, 0, 0), ~0ull << 24);
    return 1;
}

/* Takes what matters of the lines before `end`. Returns how far they are as usual. */
pure __u32 quick_take_all(struct http1 *p, const struct window *w, __u32 end)
{
    __u32 after = 0;

    for (__u32 i = 0; i < WINDOW_NOTES && i < w->notes; i++) {
        __u32 line = quick_place(w->note[i]);

        if (!quick_take(p, w, line, &after)) {
            end = line;
            break;
        }
        after = quick_place(after);
    }
    end = quick_place(end);
    if (quick_place(after) != end) /* another line comes after the one that `field` names */
        p->field = H1_OTHER;
    return end;
}

/* Moves behind the lines that are whole. Not where a health check's host may be among them. */
pure enum http1_event quick_lines(struct http1 *p, struct window *w)
{
    __u32 end;

    if (p->state != H1_LINE || p->probes)
        return H1_NONE;
    w->notes = 0;
    end = quick_scan(w);
    if (end != w->position)
        w->position = quick_take_all(p, w, end);
    return quick_head_end(p, w);
}

/* Is it worth while to begin a new window here, at a line that this one may cut? */
pure int http1_leaves(const struct http1 *p, const struct window *w)
{
    return w->more && (p->state == H1_START || p->state == H1_LINE) &&
           w->position > w->length - w->length / 4;
}

/* What is not read here: a byte at a time. */
pure enum http1_event http1_read(struct http1 *p, struct window *w, const struct probe_set *set)
{
    if (http1_leaves(p, w)) {
        w->length = w->position;
        return H1_NONE;
    }
    return http1_skippable(p) ? window_pass(w, p) : http1_step(p, w, set);
}
