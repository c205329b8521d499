/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EGRET_EGRET_H
#define EGRET_EGRET_H
#endif
