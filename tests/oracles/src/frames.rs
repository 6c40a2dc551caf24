//! Whatever stands on the command channel: every byte is consumed, and a message that is read can be written again.
//!
//! Input: how long the pieces are in which the bytes arrive, how much of the stream is frames around the bytes, the bytes.

use control_protocol::frame::{self, MAX_FRAME, MAX_PAYLOAD};
use control_protocol::{Decoder, Frame, Kind, Reply, Request};

/// See the module.
pub fn frames(bytes: &[u8]) {
    let Some((&[piece, framed], bytes)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let mut stream = Vec::new();
    let mut sent = 0;
    if framed % 2 == 0 {
        stream.extend_from_slice(bytes);
    } else {
        // The fuzzer knows no checksums: payloads of its choice in whole frames.
        for (number, payload) in bytes
            .chunks(MAX_PAYLOAD.min(usize::from(framed) * 16))
            .enumerate()
        {
            let mut buffer = [0; MAX_FRAME];
            let kind = if number % 2 == 0 {
                Kind::Request
            } else {
                Kind::Reply
            };
            stream.extend_from_slice(
                frame::encode_bytes(&mut buffer, kind, 7, number as u32, payload).expect("it fits"),
            );
            sent += 1;
        }
    }
    let mut decoder = Decoder::new();
    let mut found = 0;
    let mut taken_in_all = 0;
    for mut piece in stream.chunks(usize::from(piece) * 8 + 1) {
        while !piece.is_empty() {
            let taken = decoder.feed(piece);
            piece = &piece[taken..];
            taken_in_all += taken;
            let before = found;
            while let Some(frame) = decoder.next_frame() {
                check(&frame);
                found += 1;
            }
            assert!(taken > 0 || found > before, "no progress");
        }
    }
    assert_eq!(taken_in_all, stream.len());
    assert!(decoder.skipped() <= stream.len() as u64);
    assert!(framed % 2 == 0 || found == sent, "every whole frame is found");
}

/// Reading, writing and reading again gives the same.
fn check(frame: &Frame<'_>) {
    assert!(frame.payload.len() <= MAX_PAYLOAD);
    if let Some(request) = frame.message::<Request<'_>>() {
        let mut buffer = [0; MAX_FRAME];
        let bytes = frame::encode(&mut buffer, Kind::Request, 1, 1, &request).expect("it was in a frame");
        assert_eq!(
            again(bytes, |frame| frame.message::<Request<'_>>() == Some(request)),
            Some(true)
        );
        let _ = request.has_effect();
    }
    if let Some(reply) = frame.message::<Reply<'_>>() {
        let mut buffer = [0; MAX_FRAME];
        let bytes = frame::encode(&mut buffer, Kind::Reply, 1, 1, &reply).expect("it was in a frame");
        assert_eq!(
            again(bytes, |frame| frame.message::<Reply<'_>>() == Some(reply.clone())),
            Some(true)
        );
    }
}

fn again(bytes: &[u8], same: impl Fn(&Frame<'_>) -> bool) -> Option<bool> {
    let mut decoder = Decoder::new();
    decoder.feed(bytes);
    decoder.next_frame().map(|frame| same(&frame))
}
