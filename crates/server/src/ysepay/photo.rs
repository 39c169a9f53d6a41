//! What a photo is, judged by its content: names and media types say what callers like.

use huodong_campaign::PhotoFormat;

const JPEG: &[u8] = b"\xff\xd8\xff";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const BMP: &[u8] = b"BM";
/// A BMP's file header is followed by another one, which begins with its length.
const BMP_HEADER_LENGTHS: [u32; 8] = [12, 16, 40, 52, 56, 64, 108, 124];

/// What this is; `None` where it is none of what may be uploaded.
pub(super) fn format_of(content: &[u8]) -> Option<PhotoFormat> {
    if content.starts_with(JPEG) {
        Some(PhotoFormat::Jpeg)
    } else if content.starts_with(PNG) {
        Some(PhotoFormat::Png)
    } else if is_bmp(content) {
        Some(PhotoFormat::Bmp)
    } else {
        None
    }
}

/// Two letters alone would make a BMP of many a text.
fn is_bmp(content: &[u8]) -> bool {
    let length = content.get(14..18).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    content.starts_with(BMP)
        && length.is_some_and(|bytes| BMP_HEADER_LENGTHS.contains(&u32::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_what_its_first_bytes_say() {
        let bmp = |length: u8| [b"BM".as_slice(), &[0; 12], &[length, 0, 0, 0]].concat();
        assert_eq!(format_of(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some(PhotoFormat::Jpeg));
        assert_eq!(format_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some(PhotoFormat::Png));
        assert_eq!(format_of(&bmp(40)), Some(PhotoFormat::Bmp));
        for other in [
            b"".to_vec(),
            b"GIF89a".to_vec(),
            b"%PDF-1.7".to_vec(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(),
            b"\xff\xd8".to_vec(),
            b"\x89PNG\n".to_vec(),
            b"BMW is a maker of cars".to_vec(),
            bmp(41),
        ] {
            assert_eq!(format_of(&other), None, "{other:?}");
        }
    }
}
