use proptest::prelude::*;

use super::*;

const ALL: [Compression; 5] = [
    Compression::Zlib,
    Compression::Bzip2,
    Compression::Lzma,
    Compression::Brotli,
    Compression::Zstd,
];

fn compressed(compression: Compression, body: &[u8]) -> Vec<u8> {
    compression.compress(body).unwrap()
}

#[test]
fn names_are_the_peers_in_its_case() {
    for name in Compression::NAMES {
        let compression = Compression::from_name(name).unwrap();
        assert!(ALL.contains(&compression));
        assert_eq!(
            Compression::from_name(&name.to_ascii_uppercase()),
            None,
            "{name}"
        );
    }
    for compression in ALL {
        assert_eq!(
            Compression::from_name(compression.header()),
            Some(compression)
        );
    }
    for wrong in ["bz2", "deflate", "", "gzip ", "application/gzip"] {
        assert_eq!(Compression::from_name(wrong), None, "{wrong}");
    }
}

/// The first bytes say what it is: RFC 1950 for zlib, and not the gzip format.
#[test]
fn formats_are_those_of_the_peer() {
    let begins = |compression, magic: &[u8]| {
        let body = compressed(compression, &[b'a'; 1000]);
        assert!(body.starts_with(magic), "{compression:?}: {body:02x?}");
        assert!(body.len() < 200, "{compression:?}: {}", body.len());
    };
    begins(Compression::Zlib, &[0x78, 0x9c]);
    begins(Compression::Bzip2, b"BZh");
    begins(Compression::Lzma, b"\xfd7zXZ\0");
    begins(Compression::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]);
    assert!(matches!(
        Compression::Zlib.decompress(
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03K\x04\0C\xbe\xb7\xe8\x01\0\0\0",
            9
        ),
        Err(WireError::Decompression { .. })
    ));
}

#[test]
fn the_limit_is_a_limit_of_what_comes_out() {
    for compression in ALL {
        let body = compressed(compression, &vec![b' '; 100_000]);
        assert_eq!(
            compression.decompress(&body, 100_000).unwrap().len(),
            100_000,
            "{compression:?}"
        );
        for limit in [99_999, 4096, 1, 0] {
            assert_eq!(
                compression.decompress(&body, limit),
                Err(WireError::DecompressedTooLarge {
                    compression: compression.header(),
                    limit
                }),
                "{compression:?}"
            );
        }
    }
}

#[test]
fn an_empty_body_is_a_body() {
    for compression in ALL {
        let body = compressed(compression, b"");
        assert_eq!(
            compression.decompress(&body, 0),
            Ok(Vec::new()),
            "{compression:?}"
        );
    }
}

/// No message is taken for whole that was cut anywhere.
#[test]
fn what_is_cut_off_is_an_error() {
    for compression in ALL {
        let plain: Vec<u8> = (0..3000_u32).map(|n| (n * n % 251) as u8).collect();
        let body = compressed(compression, &plain);
        for length in 0..body.len() {
            match compression.decompress(&body[..length], 10_000) {
                Err(WireError::Decompression { .. }) => {}
                other => panic!(
                    "{compression:?} cut to {length} of {}: {other:?}",
                    body.len()
                ),
            }
        }
    }
}

/// An xz header that asks for the largest dictionary, 4 GiB, gets none.
#[test]
fn declared_sizes_take_no_memory() {
    let mut body = compressed(Compression::Lzma, b"small");
    // Stream header 12 bytes, then the block header: size, flags, filter id 0x21, its size 1, the dictionary.
    assert_eq!(body[14..16], [0x21, 1]);
    body[16] = 40;
    let length = (usize::from(body[12]) + 1) * 4;
    let sum = crc32(&body[12..12 + length - 4]).to_le_bytes();
    body[12 + length - 4..12 + length].copy_from_slice(&sum);
    let error = Compression::Lzma.decompress(&body, 1 << 20).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
    // A Zstandard frame with a window of 1 TiB.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf0, 0x01, 0x00, 0x00];
    let error = Compression::Zstd.decompress(&frame, 1 << 20).unwrap_err();
    assert!(error.to_string().contains("window"), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn any_compression() -> impl Strategy<Value = Compression> {
    proptest::sample::select(&ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_compressed_comes_back(compression in any_compression(), body: Vec<u8>, times in 1..200_usize) {
        let body = body.repeat(times);
        let packed = compressed(compression, &body);
        prop_assert_eq!(compression.decompress(&packed, body.len()), Ok(body));
    }

    #[test]
    fn any_bytes_give_a_body_or_an_error(compression in any_compression(), noise: Vec<u8>, at in any::<prop::sample::Index>()) {
        let checked = |result: Result<Vec<u8>, WireError>| {
            let text = result.map_or_else(|error| error.to_string(), |_| String::new());
            prop_assert!(!text.contains(PANICKED));
            Ok(())
        };
        checked(compression.decompress(&noise, 10_000))?;
        let mut body = compressed(compression, &[7; 3000]);
        let at = at.index(body.len());
        for (byte, noise) in body[at..].iter_mut().zip(&noise) {
            *byte ^= noise;
        }
        checked(compression.decompress(&body, 10_000))?;
    }
}
