/* SPDX-License-Identifier: GPL-2.0 */
/* Records as they are on the wire, in hexadecimal: those of RFC 8448, and for
 * each cipher and version some computed with Python's cryptography, whose code is
 * OpenSSL's, from the texts of RFC 8446 5.2, RFC 5246 6.2.3.3 and RFC 7905 2.
 */
#ifndef _KTLS_KUNIT_AEAD_H
#define _KTLS_KUNIT_AEAD_H

#include <linux/types.h>

/**
 * struct aead_known - a record, and what it is made of
 * @desc: for people
 * @suite: IANA number
 * @secret: 1.3: traffic secret; 1.2: key
 * @iv: 1.2: implicit part of the nonce
 * @seq: its number
 * @nonce: 1.2 GCM: explicit nonce
 * @type: content type
 * @payload: or NULL: byte i is 7 * i + 3
 * @len: bytes of it
 * @record: all of it; of the largest the last 32 bytes
 */
struct aead_known {
	const char	*desc;
	u16		suite;
	const char	*secret;
	const char	*iv;
	u64		seq;
	u64		nonce;
	u8		type;
	const char	*payload;
	u32		len;
	const char	*record;
};

static const struct aead_known aead_knowns[] = {
	{ "1.3 AES-128-GCM: empty", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x0ULL, 0x0ULL, 23, NULL, 0,
	  "17030300116c152d9d1fc32cd1f56568c452d7592ebb" },
	{ "1.3 AES-128-GCM: one byte", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x0ULL, 0x0ULL, 23, NULL, 1,
	  "1703030012782ee9835b7eb064566c7deda3aa92216ee0" },
	{ "1.3 AES-128-GCM: an alert", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x1ULL, 0x1ULL, 21, NULL, 2,
	  "1703030013dff436a103ca457112aef5301f2717e0dee743" },
	{ "1.3 AES-128-GCM: a handshake message", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x2ULL, 0x2ULL, 22, NULL, 4,
	  "17030300151ad36874c226737bee5d4ec4bf684769f37850e17d" },
	{ "1.3 AES-128-GCM: a byte less than a block", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0xffULL, 0xffULL, 23, NULL, 15,
	  "1703030020aaa56ecd0e061e43d78c9c0932c12261b3cce89cd65e49040a35b6"
	  "c5352a1915" },
	{ "1.3 AES-128-GCM: a block", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x100ULL, 0x7ULL, 23, NULL, 16,
	  "17030300212c06cb7716f070d0eb62b254a9e0f096aba58b8a3483aab636f65d"
	  "9dd38dbc5cdf" },
	{ "1.3 AES-128-GCM: a byte more than a block", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0xffffULL, 0x100000000ULL, 23, NULL, 17,
	  "1703030022e6c224396b1047f5effa6292f68d720f46dbd6df06d3a5b898b0d7"
	  "30eba26d8c1bff" },
	{ "1.3 AES-128-GCM: 50 bytes", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x10203ULL, 0x102030405060708ULL, 23, NULL, 50,
	  "17030300436d9138f9f4d17c2c877bc7e7f6aaee6ed11f7fddeb290da916bd7e"
	  "3031f870171f4e42d5a09e999ca4e86bb87cd78f5ce537a6807d3b44a0b24121"
	  "8c5496593fbacb1c" },
	{ "1.3 AES-128-GCM: 100 bytes, the last explicit nonce", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0xffffffULL, 0xffffffffffffffffULL, 23, NULL, 100,
	  "1703030075292d9deafb2358c6ae696d709a960a677fb4430a95a87f6725fea9"
	  "6e3ef9e73b732948ada64391b4c412f46fdb85c2d01baced529d9d5d04ca0d93"
	  "cda7904490ce168680e752c583d21d1bba7aa2be435c15b8cd43c578c5e33717"
	  "692bb469b5d0f6be0aa173da6e73438fea3b6c2f305850074598" },
	{ "1.3 AES-128-GCM: the largest", 0x1301,
	  "3dcb09f606d74dcab4b06d65a10c6a907bd6bd811f3521992a11da462d3f0b1f",
	  "", 0x3ULL, 0x8000000000000000ULL, 23, NULL, 16384,
	  "8c4de9d20eb2516a2b938e3449c6442725dc68b82e0e2c917c3991b5c70af4b2" },
	{ "1.3 AES-256-GCM: empty", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x0ULL, 0x0ULL, 23, NULL, 0,
	  "1703030011c07d089f1a5fc105b44593fbe4772f892d" },
	{ "1.3 AES-256-GCM: one byte", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x0ULL, 0x0ULL, 23, NULL, 1,
	  "1703030012d44916463592d310faaa7a545e6a8ccb2225" },
	{ "1.3 AES-256-GCM: an alert", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x1ULL, 0x1ULL, 21, NULL, 2,
	  "1703030013ddcb06cb277e499c6945db4b6a1b592d525658" },
	{ "1.3 AES-256-GCM: a handshake message", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x2ULL, 0x2ULL, 22, NULL, 4,
	  "170303001585848e0f4d7ba2d838aad1551a734143cb1a1f0c7e" },
	{ "1.3 AES-256-GCM: a byte less than a block", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0xffULL, 0xffULL, 23, NULL, 15,
	  "1703030020477ca1666adefc301aaad5ae7ec86ea7d9aecb373ace15e88a1766"
	  "ae2603b65f" },
	{ "1.3 AES-256-GCM: a block", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x100ULL, 0x7ULL, 23, NULL, 16,
	  "170303002111c59e9fa02928bafd0c92bf0821f48a2821795ed89a5b57c4ce22"
	  "90b6d6c5ff8f" },
	{ "1.3 AES-256-GCM: a byte more than a block", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0xffffULL, 0x100000000ULL, 23, NULL, 17,
	  "170303002204cda5b3e14e49ddda860f01f73be761a7ff720eb627055f65c0df"
	  "3230f8de2f2fe2" },
	{ "1.3 AES-256-GCM: 50 bytes", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x10203ULL, 0x102030405060708ULL, 23, NULL, 50,
	  "1703030043e591dedfd09b6b6b309854b5686f409fe8ab3db985c34e35b4f91e"
	  "7077140f25716b4046d5c08ecad0129d449b4dd7cfc0fd8282fbca142f0e578d"
	  "60046d5f587c8c1d" },
	{ "1.3 AES-256-GCM: 100 bytes, the last explicit nonce", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0xffffffULL, 0xffffffffffffffffULL, 23, NULL, 100,
	  "1703030075c6ea63c6ba40b841bf7196112a4cc996b72de9615f984d4ae6987d"
	  "bd5b99aa97583a10f17088eb0af8d7e99b63714717274d23c1d18cb5bd218074"
	  "46d8a4f088fc7ab3639c7282bed7eb1f13c9402b75c01235b179a9bdb17c2306"
	  "3382fe286069a4fd8a0f57fe17985edf7a2d49dd72b47f7060c2" },
	{ "1.3 AES-256-GCM: the largest", 0x1302,
	  "e4d7d5f2010573738027e6b9fbbfe45c45dbbf8f9e75d37a21405e4c96364976"
	  "a38658712f91a179add62bdbc836af9c",
	  "", 0x3ULL, 0x8000000000000000ULL, 23, NULL, 16384,
	  "e9acfb4d7b852eef6a4d14be2653c2ffdf2023e2b7f88fedef6958b3d18081a7" },
	{ "1.3 ChaCha20: empty", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x0ULL, 0x0ULL, 23, NULL, 0,
	  "1703030011cc544d08bf00a233c47316db72f0b06988" },
	{ "1.3 ChaCha20: one byte", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x0ULL, 0x0ULL, 23, NULL, 1,
	  "1703030012d82ed5457b358257b80868c6ff9837a601c7" },
	{ "1.3 ChaCha20: an alert", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x1ULL, 0x1ULL, 21, NULL, 2,
	  "17030300133c6ad486aed8094180b0ae38313e9408735b72" },
	{ "1.3 ChaCha20: a handshake message", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x2ULL, 0x2ULL, 22, NULL, 4,
	  "1703030015900bc55d2756c1359c15881a9ccb14452781ea8e79" },
	{ "1.3 ChaCha20: a byte less than a block", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0xffULL, 0xffULL, 23, NULL, 15,
	  "1703030020727a4320f7cac3172c76d20ba87624de2e72c96578e2d2f5d73bba"
	  "67902499de" },
	{ "1.3 ChaCha20: a block", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x100ULL, 0x7ULL, 23, NULL, 16,
	  "1703030021e4c2c0b7d8a99ba0bdca6fcf2522ef604a9f623cadc8551826624c"
	  "98179aba44a7" },
	{ "1.3 ChaCha20: a byte more than a block", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0xffffULL, 0x100000000ULL, 23, NULL, 17,
	  "1703030022de5c89a57236151fe4d0d90bafe40317fb28360d32d79f88e87bf6"
	  "c852a8e9a87b9a" },
	{ "1.3 ChaCha20: 50 bytes", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x102030405060708ULL, 0x102030405060708ULL, 23, NULL, 50,
	  "17030300439b37aecd0969b7dfc1a0fa350a3551f9fba1cd9d1d1ffd9e7ef018"
	  "d26ac2eaef8948208c5f3a5e2fbe9f4f679194c47a04b2428709b06c5ab3c6fe"
	  "77275ebb20a2356c" },
	{ "1.3 ChaCha20: 100 bytes, the last explicit nonce", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0xffffffULL, 0xffffffffffffffffULL, 23, NULL, 100,
	  "17030300754867165b45637acba5a36e0e20126bcdf21d52554aaf996842a00d"
	  "9736f9c18509a348af48d3cf3aa353543eec483de154a520dc624b8dbde22f59"
	  "ae6faeaf60b8d8e881bef47e98dc463f94656b9a1e84ecbf5c86f14bf5e0da18"
	  "5b213101ed3ea4f30ef8f3acbd7fc66422c1a5065c5703a318ec" },
	{ "1.3 ChaCha20: the largest", 0x1303,
	  "8939fe2ca194039c08533728c248571e9fcf8c959dc2c46de984d34bbdc8a2bd",
	  "", 0x3ULL, 0x8000000000000000ULL, 23, NULL, 16384,
	  "c6bbae739242a8ddb089ecb5e820986521516c4067073d1907259c65a095ee45" },
	{ "1.2 AES-128-GCM: empty", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x0ULL, 0x0ULL, 23, NULL, 0,
	  "1703030018000000000000000073a0bce339bb5815522dea2e5dd20fd5" },
	{ "1.2 AES-128-GCM: one byte", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x0ULL, 0x0ULL, 23, NULL, 1,
	  "170303001900000000000000000654e8fe7860d56df09ad3251d74d151b9" },
	{ "1.2 AES-128-GCM: an alert", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x1ULL, 0x1ULL, 21, NULL, 2,
	  "150303001a0000000000000001517f59b2b68ecd9734dd04b3497c435a0925" },
	{ "1.2 AES-128-GCM: a handshake message", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x2ULL, 0x2ULL, 22, NULL, 4,
	  "160303001c0000000000000002113e75ba4450a6af7e67857940258da1b6fd62"
	  "27" },
	{ "1.2 AES-128-GCM: a byte less than a block", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0xffULL, 0xffULL, 23, NULL, 15,
	  "170303002700000000000000ff0c7abae06162e58799c9abca195eb3794bd116"
	  "aae0ac52ff4bc1d37a97e6ca" },
	{ "1.2 AES-128-GCM: a block", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x100ULL, 0x7ULL, 23, NULL, 16,
	  "17030300280000000000000007e7d283af061590b4e2cf907648f3c26f0b5cfb"
	  "fae7732dc7ef4f16336e11161b" },
	{ "1.2 AES-128-GCM: a byte more than a block", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0xffffULL, 0x100000000ULL, 23, NULL, 17,
	  "1703030029000000010000000060ad4f0aab402dbb2bc1be0c28bc720af7a0ee"
	  "0b2e36813b6bfda50a5dd65c67e0" },
	{ "1.2 AES-128-GCM: 50 bytes", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x10203ULL, 0x102030405060708ULL, 23, NULL, 50,
	  "170303004a0102030405060708edddafa03e225381ae6d738333fb39d1a64697"
	  "35dee4e4dbe0bdfde3e273bd1aeef99bfb4b9fe8a462ec3a9cefc29cc11982fa"
	  "142b00ceb4c34d5c6c0ac164fc02f9" },
	{ "1.2 AES-128-GCM: 100 bytes, the last explicit nonce", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0xffffffULL, 0xffffffffffffffffULL, 23, NULL, 100,
	  "170303007cffffffffffffffff1195e026b16fb32921186d1810fa36ea86bbae"
	  "de37216f22ed2a82fa10edcd134ccebf8afe578830663727a461eb310a881b53"
	  "a5d3922efa6751dc9a4b665f367e106363c7832b4a639fe5a81dfb2e55810f6a"
	  "03c2c4bc8b21564a9de1146a359724d2c4157bf5ed733751e190eea5934c30f7"
	  "06" },
	{ "1.2 AES-128-GCM: the largest", 0xc02f,
	  "ba0b12b11627f58989be54549f841b9a",
	  "22ac14c9", 0x3ULL, 0x8000000000000000ULL, 23, NULL, 16384,
	  "0d5f89415c47f38ed3ce3a1951be0e10b20fa9c9946d1f172755e39396e48143" },
	{ "1.2 AES-256-GCM: empty", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x0ULL, 0x0ULL, 23, NULL, 0,
	  "17030300180000000000000000af766687532ffa57497d660d63eff3f3" },
	{ "1.2 AES-256-GCM: one byte", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x0ULL, 0x0ULL, 23, NULL, 1,
	  "17030300190000000000000000530eca57812a1201fe1ddb3db0b825d0c1" },
	{ "1.2 AES-256-GCM: an alert", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x1ULL, 0x1ULL, 21, NULL, 2,
	  "150303001a00000000000000017303e8f573844d63310a7c0e4d469a990c36" },
	{ "1.2 AES-256-GCM: a handshake message", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x2ULL, 0x2ULL, 22, NULL, 4,
	  "160303001c00000000000000021ef08fbdbac8d5d3262eb1c81545a25f1ec3e7"
	  "05" },
	{ "1.2 AES-256-GCM: a byte less than a block", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0xffULL, 0xffULL, 23, NULL, 15,
	  "170303002700000000000000ff3c029e6a5cac4853303e2f2e17714a5084346c"
	  "28efe312cd043a837e80c38f" },
	{ "1.2 AES-256-GCM: a block", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x100ULL, 0x7ULL, 23, NULL, 16,
	  "17030300280000000000000007c1f5bb7e8bfbe724378090fb2e9499847f8702"
	  "473ff5cc85d8475ea3b06e6ba7" },
	{ "1.2 AES-256-GCM: a byte more than a block", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0xffffULL, 0x100000000ULL, 23, NULL, 17,
	  "170303002900000001000000003ed759ce5b1f43d63b393f385e7ffb79b0c574"
	  "1129620502822690952efbcfbb16" },
	{ "1.2 AES-256-GCM: 50 bytes", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x10203ULL, 0x102030405060708ULL, 23, NULL, 50,
	  "170303004a01020304050607085c1fa735afc9edc557719ad0ad0b796eefef3c"
	  "65ec18e7e9eedb9cc20f0cb7fd0adcee28ca7532aa833bd36c42d9527eb151b6"
	  "e2c28765ad7188734535526cc450b5" },
	{ "1.2 AES-256-GCM: 100 bytes, the last explicit nonce", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0xffffffULL, 0xffffffffffffffffULL, 23, NULL, 100,
	  "170303007cffffffffffffffff433886f6eee7b68fe31c4f2d1d238beb5693b9"
	  "fdc101ff994bcdcdd2eaab91bf55950c4f34451d68f3221292247d8de708e0f9"
	  "3354cacd9d10f524fdcaa4e8db86bcead43ae409b7a6c0a2c5e14409a19c7552"
	  "9814b5796cf9c40a27baf90802fb233bfa6f4c413293aab5b898e74e908b5ccd"
	  "be" },
	{ "1.2 AES-256-GCM: the largest", 0xc030,
	  "9d1e0a0927f2129a784f3bda838acf08becbbaf9ab478503e2dfe14886d62236",
	  "122c678a", 0x3ULL, 0x8000000000000000ULL, 23, NULL, 16384,
	  "6a2dc8c1acad2f305a73f9d8be731e5d743f7caa7994368f13ee1a3242266dcd" },
	{ "1.2 ChaCha20: empty", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0x0ULL, 0x0ULL, 23, NULL, 0,
	  "17030300106c3d8ea64202e5a3f1bf07f253a59d7a" },
	{ "1.2 ChaCha20: one byte", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0x0ULL, 0x0ULL, 23, NULL, 1,
	  "1703030011be9388b014ae59234e0bd55f47cd2c26a9" },
	{ "1.2 ChaCha20: an alert", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0x1ULL, 0x1ULL, 21, NULL, 2,
	  "15030300120a04ca65a9ba4a649e0fd0d496e9c2bf3f45" },
	{ "1.2 ChaCha20: a handshake message", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0x2ULL, 0x2ULL, 22, NULL, 4,
	  "1603030014b04457554e749c3d5418ecbe8f76683105b1d852" },
	{ "1.2 ChaCha20: a byte less than a block", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0xffULL, 0xffULL, 23, NULL, 15,
	  "170303001f035c6acc56fe5bb8616335025ac05611832ed8f9b2de07a2afa38f"
	  "ca70c1cc" },
	{ "1.2 ChaCha20: a block", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0x100ULL, 0x7ULL, 23, NULL, 16,
	  "1703030020b2389bd24e9f8b088469bc23e93c5ef59e5a7b631ae60b16b9cf83"
	  "895ece3e25" },
	{ "1.2 ChaCha20: a byte more than a block", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0xffffULL, 0x100000000ULL, 23, NULL, 17,
	  "1703030021a8cff20255890281c2b7cf5b71756cd95053881de360750715d8f6"
	  "108f15e4cf65" },
	{ "1.2 ChaCha20: 50 bytes", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0xf102030405060708ULL, 0x102030405060708ULL, 23, NULL, 50,
	  "1703030042087ccb80b4ee9f50e7c9c79eca570f7fc0ed60cd1f03effb27fbe9"
	  "0970d0e94a99b02331173dedaef56f52461e7bb86c85aa403db63fdd86f637ab"
	  "bd07bcccac7d68" },
	{ "1.2 ChaCha20: 100 bytes, the last explicit nonce", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0xffffffULL, 0xffffffffffffffffULL, 23, NULL, 100,
	  "17030300745b3aac7b003c3f95bfb87048e902193203558bd0688a47e074338e"
	  "25339d6d941f1d62bddf8671e2c72e3939d89316ad789d37160ac7cb729579d2"
	  "ce3cc9b58bc59d10f73ae10230d36bbde962d297278ac76ed6e9101ced40fdcf"
	  "b823d4b9bab120ef246e8feb02a20bf9ea7787846f114612ff" },
	{ "1.2 ChaCha20: the largest", 0xcca8,
	  "df76fe16f21b3fe21cb525c63dc71d80a84391b08d23586ea39a3b0e4a8afe32",
	  "f0de53f35036672cf3d1c5e3", 0x3ULL, 0x8000000000000000ULL, 23, NULL, 16384,
	  "c70371a6113cc6a9a02b47fa08fd7e9e28bd124131e156a225331d92d1e9d0e1" },
	{ "RFC 8448, simple: client, data", 0x1301,
	  "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
	  "", 0x0ULL, 0x0ULL, 23,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f3031", 50,
	  "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f"
	  "2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae6"
	  "3aeebb21694915e4" },
	{ "RFC 8448, simple: server, data", 0x1301,
	  "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
	  "", 0x1ULL, 0x0ULL, 23,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f3031", 50,
	  "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36"
	  "e30efaf97d90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf33254"
	  "0dd032e167c2955d" },
	{ "RFC 8448, simple: client, alert", 0x1301,
	  "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
	  "", 0x1ULL, 0x0ULL, 21, "0100", 2,
	  "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3" },
	{ "RFC 8448, simple: server, alert", 0x1301,
	  "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
	  "", 0x2ULL, 0x0ULL, 21, "0100", 2,
	  "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9" },
	{ "RFC 8448, 0-RTT: early data", 0x1301,
	  "3fbbe6a60deb66c30a32795aba0eff7eaa10105586e7be5c09678d63b6caab62",
	  "", 0x0ULL, 0x0ULL, 23, "414243444546", 6,
	  "1703030017ab1df420e75c457a7cc5d2844f76d5aee4b4edbf049be0" },
	{ "RFC 8448, 0-RTT: client, data", 0x1301,
	  "2abbf2b8e381d23dbebe1dd2a7d16a8bf484cb4950d23fb7fb7fa8547062d9a1",
	  "", 0x0ULL, 0x0ULL, 23,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f3031", 50,
	  "1703030043b1cebce242aa201be9ae5e1cb2a9aa4b33d4e866af1edb06891923"
	  "7741aa031d7a74d491c99b9d4e232b74206bc6fbaa04fe78be44a9b4f54320a1"
	  "7eb76992afac3103" },
	{ "RFC 8448, 0-RTT: server, data", 0x1301,
	  "cc21f1bf8feb7dd5fa505bd9c4b468a9984d554a993dc49e6d285598fb672691",
	  "", 0x0ULL, 0x0ULL, 23,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f3031", 50,
	  "1703030043275e9f20acff57bc000657d3867df039cccf79047884cf75771746"
	  "f740b5a83f462a0954c3581393a203a25a7dd14141ef1a37900cdb62ff62dee1"
	  "ba39ab2590cbf194" },
	{ "RFC 8448, HelloRetryRequest: client, alert", 0x1301,
	  "75ecf4b972525aa0dcd057c9944d4cd5d82671d8843141d7dc2a4ff15a21dc51",
	  "", 0x0ULL, 0x0ULL, 21, "0100", 2,
	  "17030300132ea6cdf749196023e2b3a49491695536426047" },
	{ "RFC 8448, client authentication: server, alert", 0x1301,
	  "c49a91faf57f8c545d5048a015bf849ff63942e4a7edcd319f8b438a97c52e21",
	  "", 0x0ULL, 0x0ULL, 21, "0100", 2,
	  "17030300131decc5d6e64bba8a6f21b4fd077497da2a90cb" },
	{ "RFC 8448, compatibility mode: client, alert", 0x1301,
	  "743e4c6b56cf3909d1b06d01956ccd2c4b37758449aec41d98dae44924eaa299",
	  "", 0x0ULL, 0x0ULL, 21, "0100", 2,
	  "17030300130f629155382dba23c4e2c5f7f84e6f2ed3083d" },
	{ "RFC 8448, compatibility mode: server, alert", 0x1301,
	  "b6b8144aa335ed3059c0c9c8f0ecabf7afc94af6643bdecdfd9210188fab7451",
	  "", 0x0ULL, 0x0ULL, 21, "0100", 2,
	  "1703030013b7257b0fecaf69d4f09e3f891e2a25d1e28845" },
};

#endif /* _KTLS_KUNIT_AEAD_H */
