/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip.h - internet addresses and networks as text and as 16 bytes.
 *
 *     192.168.0.1   ->  00 .. 00 ff ff c0 a8 00 01   family 4
 *     2001:db8::68  ->  20 01 0d b8 00 .. 00 68      family 6
 *
 * IPv4 is kept in the mapped form of RFC 4291, so that addresses of both families compare byte by byte.
 */
#ifndef EGRET_RUNTIME_BASE_IP_H
#define EGRET_RUNTIME_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/text.h"

struct rt_ip {
    unsigned char bytes[16];
    uint8_t family; /* 4 or 6 */
};

enum { RT_IPV4_BITS_BEFORE = 96 }; /* bits of the 16 bytes that stand before an IPv4 address */

/* No zone, no dotted part inside IPv6, no leading zeros in IPv4. */
bool rt_ip_parse(struct rt_text text, struct rt_ip *out);

/* The same, but `::ffff:10.0.0.1` and `::ffff:a00:1`, which many logs hold, are 10.0.0.1. */
bool rt_ip_parse_lenient(struct rt_text text, struct rt_ip *out);

/* `10.0.0.0/8`; the prefix is required, without leading zeros; bits after it may be set. */
bool rt_cidr_parse(struct rt_text text, struct rt_ip *out, uint32_t *prefix_bits);

/* True if the first `bits` (0 to 128) of both are the same. */
bool rt_ip_same_prefix(const unsigned char a[16], const unsigned char b[16], uint32_t bits);

/* Clears every bit after the first `bits` (0 to 128). */
void rt_ip_mask(unsigned char bytes[16], uint32_t bits);

/* The canonical text of RFC 5952. */
void rt_buffer_ip(struct rt_buffer *buffer, const unsigned char bytes[16], uint8_t family);

#endif
