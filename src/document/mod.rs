//! Documents: made once for each change, checked, compressed, kept.

mod gate;
mod shelf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::store::{Fresh, Stored};

pub use gate::{Made, Unpublishable, made};
pub use shelf::Shelf;

/// A document in memory, in each encoding that there is.
#[derive(Debug, Clone)]
pub struct Document {
    /// Counts changes of the bytes.
    pub version: i64,
    /// Made from the bytes, without quotes and without an encoding's suffix.
    pub etag: String,
    /// Whole seconds. A document that is made of the configuration alone has none.
    pub last_modified: Option<DateTime<Utc>>,
    /// The bytes.
    pub plain: Bytes,
    /// By content coding, smallest first.
    pub encoded: Vec<(Coding, Bytes)>,
}

impl Document {
    /// A document that lasts as long as the configuration that it is made of.
    pub fn lasting(plain: Vec<u8>) -> std::io::Result<Self> {
        let (brotli, zstd) = smaller(&plain)?;
        let stored = Stored {
            version: 1,
            etag: etag(&plain),
            last_modified: DateTime::UNIX_EPOCH,
            gzip: gzip(&plain).into(),
            plain: plain.into(),
            brotli: Some(brotli.into()),
            zstd: Some(zstd.into()),
        };
        Ok(Document { last_modified: None, ..stored.into() })
    }

    /// How much memory it takes.
    pub fn size(&self) -> usize {
        self.plain.len() + self.encoded.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }
}

impl From<Stored> for Document {
    fn from(stored: Stored) -> Self {
        let later = [(Coding::Brotli, stored.brotli), (Coding::Zstd, stored.zstd)];
        let mut encoded: Vec<_> = later.into_iter().filter_map(|(coding, bytes)| Some((coding, bytes?))).collect();
        encoded.push((Coding::Gzip, stored.gzip));
        encoded.sort_by_key(|(_, bytes)| bytes.len());
        Document {
            version: stored.version,
            etag: stored.etag,
            last_modified: Some(stored.last_modified),
            plain: stored.plain,
            encoded,
        }
    }
}

/// A content coding (RFC 9110 section 8.4.1) that documents are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// Its name in `Content-Encoding`, which is also the suffix of its ETags.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }
}

/// A document of these bytes.
pub fn fresh(plain: Vec<u8>) -> Fresh {
    Fresh { etag: etag(&plain), gzip: gzip(&plain).into(), plain: plain.into() }
}

fn etag(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Made at once, with the document: fast enough that no reader waits, and every client knows it.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(GZIP_LEVEL).unwrap_or_default());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    // Can't fail: the bound is the compressor's own. An empty body would be no gzip, so it is not hidden.
    let len = compressor.gzip_compress(bytes, &mut out).unwrap_or_default();
    out.truncate(len);
    out
}

/// 6 costs three times as much for 2 % fewer bytes.
const GZIP_LEVEL: i32 = 4;

/// Brotli and Zstandard, made when the document is up already: they cost more than all the rest.
pub fn smaller(bytes: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut brotli = Vec::with_capacity(bytes.len() / 3);
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 5, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut brotli, &parameters)?;
    Ok((brotli, zstd::bulk::compress(bytes, 9)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_holds_the_same_bytes() {
        let text = "river council harvest ".repeat(1000).into_bytes();
        let mut gunzipped = vec![0; text.len()];
        libdeflater::Decompressor::new().gzip_decompress(&gzip(&text), &mut gunzipped).expect("gzip");
        let (br, zst) = smaller(&text).expect("compressed");
        let mut unbrotlied = Vec::new();
        brotli::BrotliDecompress(&mut &br[..], &mut unbrotlied).expect("brotli");
        assert!(
            gunzipped == text && unbrotlied == text && zstd::bulk::decompress(&zst, text.len()).expect("zstd") == text
        );
    }
}
