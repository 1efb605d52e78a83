//! Compressed bodies: the algorithms of the peer, under its names.
//!
//! A receiver acts on the header `compression` of a message alone. Bodies without it never come here.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use lzma_rust2::{XzOptions, XzReader, XzWriter};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::CompressionLevel;

use super::WireError;

#[cfg(test)]
mod tests;

/// How a body is compressed.
///
/// ```
/// use bergen_messaging::wire::Compression;
///
/// let zlib = Compression::from_name("gzip").expect("a name that peers know");
/// let body = zlib.compress(b"{\"oslo.version\": \"2.0\"}")?;
/// assert_eq!(zlib.header(), "application/x-gzip");
/// assert_eq!(zlib.decompress(&body, 1024)?, b"{\"oslo.version\": \"2.0\"}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// A zlib stream (RFC 1950). The peer calls it `gzip`, though it is not gzip's format.
    Zlib,
    /// bzip2.
    Bzip2,
    /// LZMA2 in an xz container.
    Lzma,
    /// Brotli. Peers need a Python library for it that nothing installs by itself.
    Brotli,
    /// Zstandard. As for Brotli, peers need a library, unless their Python is 3.14 or newer.
    Zstd,
}

impl Compression {
    /// The names that `kombu_compression` takes, to show them to whoever wrote another one.
    pub const NAMES: &'static [&'static str] = &[
        "gzip",
        "zlib",
        "bzip2",
        "bzip",
        "lzma",
        "xz",
        "brotli",
        "zstd",
        "zstandard",
    ];

    /// The algorithm of this name, in an option or in a header: as at the peer each takes what the other does, in lower
    /// case only. `None` for other names, `bz2` among them, which the peer's documentation names and its code refuses.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" | "zlib" | "application/x-gzip" => Self::Zlib,
            "bzip2" | "bzip" | "application/x-bz2" => Self::Bzip2,
            "lzma" | "xz" | "application/x-lzma" => Self::Lzma,
            "brotli" | "application/x-brotli" => Self::Brotli,
            "zstd" | "zstandard" | "application/zstd" => Self::Zstd,
            _ => return None,
        })
    }

    /// The value of the header `compression`.
    pub fn header(self) -> &'static str {
        match self {
            Self::Zlib => "application/x-gzip",
            Self::Bzip2 => "application/x-bz2",
            Self::Lzma => "application/x-lzma",
            Self::Brotli => "application/x-brotli",
            Self::Zstd => "application/zstd",
        }
    }

    /// Compresses a body.
    ///
    /// # Errors
    /// None is known: there is no input that these algorithms do not take.
    pub fn compress(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zlib => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Bzip2 => {
                // The level is the size of a block, and with it of the memory at both ends.
                let level =
                    u32::try_from(body.len() / 100_000).map_or(9, |level| level.clamp(1, 9));
                let level = bzip2::Compression::new(level);
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), level);
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Lzma => {
                let mut options = XzOptions::with_preset(LZMA_PRESET);
                // Both ends take memory for the whole dictionary, however little there is to look up.
                let dictionary = &mut options.lzma_options.dict_size;
                let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
                *dictionary = (*dictionary).min(length.max(SMALLEST_DICTIONARY));
                let mut encoder = XzWriter::new(Vec::new(), options)?;
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Brotli => {
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    size_hint: body.len(),
                    ..BrotliEncoderParams::default()
                };
                let mut compressed = Vec::new();
                brotli::BrotliCompress(&mut &*body, &mut compressed, &parameters)?;
                Ok(compressed)
            }
            Self::Zstd => {
                let level = CompressionLevel::Fastest;
                Ok(ruzstd::encoding::compress_to_vec(body, level))
            }
        }
    }

    /// Decompresses a body, of which no more than `limit` bytes are ever written down.
    ///
    /// # Errors
    /// It is cut off, it is no stream of this algorithm, or it is longer than `limit` when decompressed.
    pub fn decompress(self, body: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
        // These are parsers of many hands. One that panics must not end the connection: the message would come again,
        // and again.
        let decompressed = catch_unwind(AssertUnwindSafe(|| self.read(body, limit)));
        match decompressed {
            Ok(Ok(plain)) if plain.len() > limit => Err(WireError::DecompressedTooLarge {
                compression: self.header(),
                limit,
            }),
            Ok(Ok(plain)) => Ok(plain),
            Ok(Err(error)) => Err(self.corrupt(error.to_string())),
            Err(_) => Err(self.corrupt(PANICKED.to_owned())),
        }
    }

    /// As much of the plain body as tells whether it is over the limit.
    fn read(self, body: &[u8], limit: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Zlib => to_end(flate2::bufread::ZlibDecoder::new(body), limit),
            Self::Bzip2 => to_end(bzip2::bufread::MultiBzDecoder::new(body), limit),
            Self::Lzma => to_end(XzReader::new_mem_limit(body, true, LZMA_MEMORY), limit),
            Self::Brotli => unbrotli(body, limit),
            Self::Zstd => {
                // A frame may ask for as much memory as its content has bytes.
                let window = u64::try_from(limit).unwrap_or(u64::MAX).max(ZSTD_WINDOW);
                let decoder = StreamingDecoder::new_with_max_window_size(body, window);
                to_end(decoder.map_err(io::Error::other)?, limit)
            }
        }
    }

    fn corrupt(self, problem: String) -> WireError {
        WireError::Decompression {
            compression: self.header(),
            problem,
        }
    }
}

/// What the peer's library uses if it is told nothing.
const LZMA_PRESET: u32 = 6;
/// The format's own.
const SMALLEST_DICTIONARY: u32 = 4096;
/// KiB for the dictionary that a stream asks for: that of the highest preset is 64 MiB.
const LZMA_MEMORY: u32 = 66 * 1024;
/// The peer's library takes 11, which costs ten milliseconds for a small request.
const BROTLI_QUALITY: i32 = 5;
/// Bytes of history that every decoder of Zstandard should have (RFC 8878).
const ZSTD_WINDOW: u64 = 8 << 20;
/// What is said of a decompressor that broke.
const PANICKED: &str = "the decompressor failed";

/// Reads one byte more than the limit at most.
fn to_end(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Brotli without its extension for large windows, which takes up to 1 GiB of memory.
fn unbrotli(body: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let memory = StandardAlloc::default;
    let mut state = BrotliState::new_strict(memory(), memory(), memory());
    let (mut left, mut position, mut total) = (body.len(), 0, 0);
    let mut plain = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let (mut room, mut written) = (chunk.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut position,
            body,
            &mut room,
            &mut written,
            &mut chunk,
            &mut total,
            &mut state,
        );
        plain.extend_from_slice(chunk.get(..written).unwrap_or_default());
        match result {
            BrotliResult::ResultSuccess => return Ok(plain),
            _ if plain.len() > limit => return Ok(plain),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Err(io::ErrorKind::UnexpectedEof.into()),
            BrotliResult::ResultFailure => {
                return Err(io::Error::other("no brotli stream"));
            }
        }
    }
}
