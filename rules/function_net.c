/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_net.c - internet addresses and networks.
 *
 * ip(s) and cidr(s) are as strict as the library that they come from; cidr(address, network), ours, reads addresses as logs
 * have them, where `::ffff:10.0.0.1` is 10.0.0.1.
 */
#include <string.h>

#include "rules/function.h"
#include "runtime/base/ip.h"

static struct rt_value bad_address(void)
{
    return expr_fail(RT_ERROR_CONVERT, "the text is no internet address");
}

static struct rt_value bad_network(void)
{
    return expr_fail(RT_ERROR_CONVERT, "the text is no network such as 10.0.0.0/8");
}

/* Bits of the 16 bytes that the prefix of a network covers. */
static uint32_t covered_bits(struct rt_value network)
{
    return network.length + (network.aux == 4 ? RT_IPV4_BITS_BEFORE : 0);
}

static struct rt_value make(struct expr_call *call, enum rt_type type, const struct rt_ip *ip,
                            uint32_t prefix)
{
    unsigned char *bytes = expr_room(call, sizeof(ip->bytes), 1);

    if (bytes == NULL)
        return expr_limit();
    memcpy(bytes, ip->bytes, sizeof(ip->bytes));
    return (struct rt_value){
        .type = (uint8_t)type, .aux = ip->family, .length = prefix, .u.bytes = bytes};
}

static void value_to_ip(struct rt_value value, struct rt_ip *out)
{
    memcpy(out->bytes, value.u.bytes, sizeof(out->bytes));
    out->family = (uint8_t)value.aux;
}

/* An address as a value or as text. */
static bool take_ip(struct rt_value value, struct rt_ip *out, struct rt_value *why)
{
    if (value.type == RT_IP) {
        value_to_ip(value, out);
        return true;
    }
    *why = expr_is_string(value) ? bad_address() : expr_no_overload(&value, 1);
    return expr_is_string(value) && rt_ip_parse(rt_value_text(value), out);
}

/* A network as a value or as text; *bits of its 16 bytes count. */
static bool take_network(struct rt_value value, struct rt_ip *out, uint32_t *bits,
                         struct rt_value *why)
{
    if (value.type == RT_CIDR) {
        value_to_ip(value, out);
        *bits = covered_bits(value);
        return true;
    }
    *why = expr_is_string(value) ? bad_network() : expr_no_overload(&value, 1);
    if (!expr_is_string(value) || !rt_cidr_parse(rt_value_text(value), out, bits))
        return false;
    if (out->family == 4)
        *bits += RT_IPV4_BITS_BEFORE;
    return true;
}

/* ---- addresses ---- */

struct rt_value expr_fn_ip(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_ip ip;

    if (args[0].type == RT_IP)
        return args[0];
    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);
    return rt_ip_parse(rt_value_text(args[0]), &ip) ? make(call, RT_IP, &ip, 0) : bad_address();
}

struct rt_value expr_fn_is_ip(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_ip ip;

    (void)call;
    return expr_is_string(args[0]) ? rt_bool(rt_ip_parse(rt_value_text(args[0]), &ip))
                                   : expr_no_overload(args, count);
}

struct rt_value expr_fn_is_canonical_ip(struct expr_call *call, const struct rt_value *args,
                                        size_t count)
{
    struct rt_ip ip;
    struct rt_buffer *text = expr_buffer(call);

    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);
    if (!rt_ip_parse(rt_value_text(args[0]), &ip))
        return bad_address();
    rt_buffer_ip(text, ip.bytes, ip.family);
    return text->failed ? expr_limit()
                        : rt_bool(rt_text_equal(rt_buffer_view(text), rt_value_text(args[0])));
}

struct rt_value expr_fn_ip_family(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    return args[0].type == RT_IP ? rt_int(args[0].aux) : expr_no_overload(args, count);
}

/* Ranges of addresses that have a name. */
enum range {
    UNSPECIFIED,
    LOOPBACK,
    LINK_LOCAL_UNICAST,
    LINK_LOCAL_MULTICAST,
    MULTICAST,
    BROADCAST
};

static const struct {
    enum range range;
    const char *network;
} ranges[] = {
    {UNSPECIFIED, "0.0.0.0/32"},
    {UNSPECIFIED, "::/128"},
    {LOOPBACK, "127.0.0.0/8"},
    {LOOPBACK, "::1/128"},
    {LINK_LOCAL_UNICAST, "169.254.0.0/16"},
    {LINK_LOCAL_UNICAST, "fe80::/10"},
    {LINK_LOCAL_MULTICAST, "224.0.0.0/24"},
    {LINK_LOCAL_MULTICAST, "ff02::/16"},
    {MULTICAST, "224.0.0.0/4"},
    {MULTICAST, "ff00::/8"},
    {BROADCAST, "255.255.255.255/32"},
};

static bool is_in_range(struct rt_value ip, enum range range)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct rt_value network = rt_string(ranges[i].network, (uint32_t)strlen(ranges[i].network));
        struct rt_value why;
        struct rt_ip base;
        uint32_t bits;

        if (ranges[i].range == range && take_network(network, &base, &bits, &why) &&
            rt_ip_same_prefix(ip.u.bytes, base.bytes, bits))
            return true;
    }
    return false;
}

static struct rt_value in_range(const struct rt_value *args, size_t count, enum range range)
{
    return args[0].type == RT_IP ? rt_bool(is_in_range(args[0], range))
                                 : expr_no_overload(args, count);
}

struct rt_value expr_fn_ip_is_unspecified(struct expr_call *call, const struct rt_value *args,
                                          size_t count)
{
    (void)call;
    return in_range(args, count, UNSPECIFIED);
}

struct rt_value expr_fn_ip_is_loopback(struct expr_call *call, const struct rt_value *args,
                                       size_t count)
{
    (void)call;
    return in_range(args, count, LOOPBACK);
}

struct rt_value expr_fn_ip_is_link_local_unicast(struct expr_call *call,
                                                 const struct rt_value *args, size_t count)
{
    (void)call;
    return in_range(args, count, LINK_LOCAL_UNICAST);
}

struct rt_value expr_fn_ip_is_link_local_multicast(struct expr_call *call,
                                                   const struct rt_value *args, size_t count)
{
    (void)call;
    return in_range(args, count, LINK_LOCAL_MULTICAST);
}

struct rt_value expr_fn_ip_is_global_unicast(struct expr_call *call, const struct rt_value *args,
                                             size_t count)
{
    static const enum range others[] = {UNSPECIFIED, LOOPBACK, LINK_LOCAL_UNICAST, MULTICAST,
                                        BROADCAST};

    (void)call;
    if (args[0].type != RT_IP)
        return expr_no_overload(args, count);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (is_in_range(args[0], others[i]))
            return rt_bool(false);
    return rt_bool(true);
}

/* ---- networks ---- */

/* cidr(address, network): is it inside? */
static struct rt_value contains_address(const struct rt_value *args)
{
    struct rt_ip ip, base;
    struct rt_value why;
    uint32_t bits;

    if (expr_is_string(args[0])) {
        if (!rt_ip_parse_lenient(rt_value_text(args[0]), &ip))
            return bad_address();
    } else if (!take_ip(args[0], &ip, &why)) {
        return why;
    }
    return take_network(args[1], &base, &bits, &why)
               ? rt_bool(rt_ip_same_prefix(ip.bytes, base.bytes, bits))
               : why;
}

struct rt_value expr_fn_cidr(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_ip ip;
    uint32_t prefix;

    if (count == 2)
        return contains_address(args);
    if (args[0].type == RT_CIDR)
        return args[0];
    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);
    return rt_cidr_parse(rt_value_text(args[0]), &ip, &prefix) ? make(call, RT_CIDR, &ip, prefix)
                                                               : bad_network();
}

struct rt_value expr_fn_is_cidr(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_ip ip;
    uint32_t prefix;

    (void)call;
    return expr_is_string(args[0]) ? rt_bool(rt_cidr_parse(rt_value_text(args[0]), &ip, &prefix))
                                   : expr_no_overload(args, count);
}

struct rt_value expr_fn_cidr_contains_ip(struct expr_call *call, const struct rt_value *args,
                                         size_t count)
{
    struct rt_value why;
    struct rt_ip ip;

    (void)call;
    if (args[0].type != RT_CIDR)
        return expr_no_overload(args, count);
    return take_ip(args[1], &ip, &why)
               ? rt_bool(rt_ip_same_prefix(ip.bytes, args[0].u.bytes, covered_bits(args[0])))
               : why;
}

struct rt_value expr_fn_cidr_contains_cidr(struct expr_call *call, const struct rt_value *args,
                                           size_t count)
{
    struct rt_value why;
    struct rt_ip inner;
    uint32_t bits;

    (void)call;
    if (args[0].type != RT_CIDR)
        return expr_no_overload(args, count);
    if (!take_network(args[1], &inner, &bits, &why))
        return why;
    return rt_bool(bits >= covered_bits(args[0]) &&
                   rt_ip_same_prefix(inner.bytes, args[0].u.bytes, covered_bits(args[0])));
}

struct rt_value expr_fn_cidr_ip(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value ip = args[0];

    (void)call;
    if (ip.type != RT_CIDR)
        return expr_no_overload(args, count);
    ip.type = RT_IP;
    ip.length = 0;
    return ip;
}

struct rt_value expr_fn_cidr_masked(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    struct rt_ip ip;

    if (args[0].type != RT_CIDR)
        return expr_no_overload(args, count);
    value_to_ip(args[0], &ip);
    rt_ip_mask(ip.bytes, covered_bits(args[0]));
    return make(call, RT_CIDR, &ip, args[0].length);
}

/* Whether no bit after the prefix is set. */
struct rt_value expr_fn_cidr_is_mask(struct expr_call *call, const struct rt_value *args,
                                     size_t count)
{
    struct rt_ip ip;

    (void)call;
    if (args[0].type != RT_CIDR)
        return expr_no_overload(args, count);
    value_to_ip(args[0], &ip);
    rt_ip_mask(ip.bytes, covered_bits(args[0]));
    return rt_bool(memcmp(ip.bytes, args[0].u.bytes, sizeof(ip.bytes)) == 0);
}

struct rt_value expr_fn_cidr_prefix_length(struct expr_call *call, const struct rt_value *args,
                                           size_t count)
{
    (void)call;
    return args[0].type == RT_CIDR ? rt_int(args[0].length) : expr_no_overload(args, count);
}
