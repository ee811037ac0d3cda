#include "stream/tls_names.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

#include "base/mem.h"

#define NAME_TEXT_MAX 256

/* A name's text; false for a kind that is not matched, and for one that holds a NUL or is longer
 * than NAME_TEXT_MAX: a name that is cut must match nothing. */
static bool read_name(const GENERAL_NAME *name, int *kind, char *out)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    int length = value ? ASN1_STRING_length(value) : 0;
    const unsigned char *bytes = value ? ASN1_STRING_get0_data(value) : NULL;

    if (type == GEN_IPADD) {
        *kind = NAME_IP;
        return (length == 4 || length == 16) &&
               inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, out, NAME_TEXT_MAX);
    }
    if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI)
        return false;
    *kind = type == GEN_DNS ? NAME_DNS : type == GEN_EMAIL ? NAME_EMAIL : NAME_URI;
    if (length <= 0 || length >= NAME_TEXT_MAX || memchr(bytes, '\0', (size_t)length))
        return false;
    memcpy(out, bytes, (size_t)length);
    out[length] = '\0';
    return true;
}

/* "*.example" in a certificate is any "label.example". */
static bool dns_matches(const char *wanted, const char *found)
{
    const char *dot = strchr(wanted, '.');

    if (strcasecmp(wanted, found) == 0)
        return true;
    return found[0] == '*' && found[1] == '.' && dot && dot != wanted &&
           strcasecmp(dot, found + 1) == 0;
}

static bool equals(const struct tls_name *wanted, const char *found, size_t length)
{
    return (wanted->ignore_case ? strncasecmp(found, wanted->text, length)
                                : strncmp(found, wanted->text, length)) == 0;
}

static bool text_matches(const struct tls_name *wanted, const char *found)
{
    size_t want = strlen(wanted->text), have = strlen(found);

    switch (wanted->match) {
    case NAME_EXACT:
        return want == have && equals(wanted, found, want);
    case NAME_PREFIX:
        return equals(wanted, found, want);
    case NAME_SUFFIX:
        return have >= want && equals(wanted, found + have - want, want);
    default:
        return wanted->ignore_case ? strcasestr(found, wanted->text) != NULL
                                   : strstr(found, wanted->text) != NULL;
    }
}

static bool is_wanted(const struct tls_settings *settings, int kind, const char *found)
{
    for (size_t i = 0; i < settings->name_count; i++) {
        const struct tls_name *wanted = &settings->names[i];

        if (wanted->kind != NAME_ANY && (int)wanted->kind != kind)
            continue;
        if (kind == NAME_DNS && wanted->match == NAME_EXACT && dns_matches(wanted->text, found))
            return true;
        if (text_matches(wanted, found))
            return true;
    }
    return false;
}

bool tls_names_match(const struct tls_settings *settings, const X509 *certificate)
{
    GENERAL_NAMES *names;
    char text[NAME_TEXT_MAX];
    bool found = false;
    int kind;

    if (settings->name_count == 0)
        return true;
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++)
        found = read_name(sk_GENERAL_NAME_value(names, i), &kind, text) &&
                is_wanted(settings, kind, text);
    GENERAL_NAMES_free(names);
    return found;
}

/* --- for a person ------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
append(char *out, size_t size, const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + used, size - used, format, args);
    va_end(args);
}

static const char *kind_text(int kind)
{
    static const char *const texts[] = {
        [NAME_ANY] = "",     [NAME_DNS] = "DNS ", [NAME_EMAIL] = "e-mail ",
        [NAME_URI] = "URI ", [NAME_IP] = "IP ",
    };

    return texts[kind];
}

void tls_names_found(const X509 *certificate, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    char text[NAME_TEXT_MAX];
    int kind;

    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if (read_name(sk_GENERAL_NAME_value(names, i), &kind, text))
            append(out, size, "%s%s%s", out[0] ? ", " : "", kind_text(kind), text);
    if (!out[0])
        append(out, size, "no name at all");
    GENERAL_NAMES_free(names);
}

void tls_names_wanted(const struct tls_settings *settings, char *out, size_t size)
{
    static const char *const matches[] = {[NAME_EXACT] = "",
                                          [NAME_PREFIX] = "prefix ",
                                          [NAME_SUFFIX] = "suffix ",
                                          [NAME_CONTAINS] = "one with "};

    out[0] = '\0';
    for (size_t i = 0; i < settings->name_count; i++) {
        const struct tls_name *name = &settings->names[i];

        append(out, size, "%s%s%s\"%s\"", i ? " or " : "", kind_text(name->kind),
               matches[name->match], name->text);
    }
}
