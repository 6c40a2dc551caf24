//! Properties of the byte stream: whatever stands in it, whole frames are found and nothing else is.

use control_protocol::frame::{self, HEADER, MAGIC, TRAILER};
use control_protocol::{Decoder, Kind, MAX_FRAME, MAX_PAYLOAD, Reply, Request};
use proptest::collection::vec;
use proptest::prelude::*;

fn frame_bytes(session: u64, request: u32, payload: &[u8]) -> Vec<u8> {
    let mut buffer = [0; MAX_FRAME];
    frame::encode_bytes(&mut buffer, Kind::Request, session, request, payload)
        .expect("payload fits")
        .to_vec()
}

/// Feeds `stream` in pieces and collects what comes out.
fn decode(decoder: &mut Decoder, stream: &[u8], piece: usize) -> Vec<(u64, u32, Vec<u8>)> {
    let mut out = Vec::new();
    for mut piece in stream.chunks(piece) {
        while !piece.is_empty() {
            let taken = decoder.feed(piece);
            piece = &piece[taken..];
            let before = out.len();
            while let Some(frame) = decoder.next_frame() {
                out.push((frame.session, frame.request, frame.payload.to_vec()));
            }
            assert!(taken > 0 || out.len() > before, "no progress");
        }
    }
    out
}

/// Rubbish that holds beginnings of frames, too.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(prop::sample::select(MAGIC.to_vec()), 0..200),
        // A frame cut off anywhere.
        (vec(any::<u8>(), 0..400), any::<prop::sample::Index>()).prop_map(|(payload, at)| {
            let bytes = frame_bytes(1, 2, &payload);
            bytes[..at.index(bytes.len())].to_vec()
        }),
        // A frame with a damaged byte.
        (vec(any::<u8>(), 0..400), any::<prop::sample::Index>(), 1..=255u8).prop_map(
            |(payload, at, flip)| {
                let mut bytes = frame_bytes(3, 4, &payload);
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
                bytes
            }
        ),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_consumed_and_mean_nothing(bytes in vec(any::<u8>(), 0..8000), piece in 1..3000usize) {
        let mut decoder = Decoder::new();
        prop_assert!(decode(&mut decoder, &bytes, piece).is_empty());
    }

    #[test]
    fn frames_arrive_in_order_through_rubbish(
        parts in vec((rubbish(), vec(any::<u8>(), 0..600)), 1..6),
        piece in 1..700usize,
    ) {
        let mut stream = Vec::new();
        let mut sent = Vec::new();
        for (i, (rubbish, payload)) in parts.iter().enumerate() {
            stream.extend_from_slice(rubbish);
            // What a sender puts before a repeated question.
            stream.extend_from_slice(&[0; MAX_FRAME]);
            stream.extend_from_slice(&frame_bytes(100, i as u32, payload));
            sent.push((100, i as u32, payload.clone()));
        }
        let mut decoder = Decoder::new();
        prop_assert_eq!(decode(&mut decoder, &stream, piece), sent);
    }

    #[test]
    fn frame_behind_a_cut_off_one_arrives_once_bytes_follow(
        payload in vec(any::<u8>(), 1..MAX_PAYLOAD), cut in any::<prop::sample::Index>(),
    ) {
        let whole = frame_bytes(1, 1, &payload);
        let mut stream = whole[..1 + cut.index(whole.len() - 1)].to_vec();
        stream.extend_from_slice(&frame_bytes(2, 2, b"next"));
        stream.extend_from_slice(&[0; MAX_FRAME]);
        let mut decoder = Decoder::new();
        prop_assert_eq!(decode(&mut decoder, &stream, 64), vec![(2, 2, b"next".to_vec())]);
    }

    #[test]
    fn arbitrary_payload_is_never_more_than_a_message(payload in vec(any::<u8>(), 0..300)) {
        let bytes = frame_bytes(1, 1, &payload);
        let mut decoder = Decoder::new();
        decoder.feed(&bytes);
        let frame = decoder.next_frame().expect("whole");
        let _ = frame.message::<Request<'_>>();
        let _ = frame.message::<Reply<'_>>();
    }

    #[test]
    fn requests_come_back_as_sent(slot: u8, offset: u32, bytes in vec(any::<u8>(), 0..2048), name in "[a-z0-9]{0,36}") {
        let requests = [
            Request::UploadChunk { slot, offset, bytes: &bytes },
            Request::ReportRead { name: &name, offset, len: 2048 },
        ];
        for request in requests {
            let mut buffer = [0; MAX_FRAME];
            let sent = frame::encode(&mut buffer, Kind::Request, 5, offset, &request).expect("fits");
            let mut decoder = Decoder::new();
            decoder.feed(sent);
            let frame = decoder.next_frame().expect("whole");
            prop_assert_eq!(frame.message::<Request<'_>>(), Some(request));
        }
    }
}

#[test]
fn oversize_length_is_not_waited_for() {
    let mut bytes = frame_bytes(1, 1, &[0; 64]);
    bytes[20..22].copy_from_slice(&(MAX_PAYLOAD as u16 + 1).to_le_bytes());
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    assert!(decoder.next_frame().is_none());
    decoder.feed(&frame_bytes(2, 2, b"x"));
    assert_eq!(decoder.next_frame().map(|frame| frame.session), Some(2));
    assert_eq!(decoder.skipped(), (HEADER + 64 + TRAILER) as u64);
}

#[test]
fn frame_of_another_version_is_delivered_but_its_message_is_not_read() {
    let mut buffer = [0; MAX_FRAME];
    let bytes = frame::encode_other_version(&mut buffer, 1, 1).to_vec();
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    let frame = decoder.next_frame().expect("whole");
    assert_eq!(
        (frame.kind, frame.version),
        (Kind::OtherVersion, control_protocol::VERSION)
    );
    let other = control_protocol::Frame {
        version: control_protocol::VERSION + 1,
        ..frame
    };
    assert_eq!(other.message::<Request<'_>>(), None);
}

#[test]
fn message_with_something_behind_it_is_refused() {
    let mut payload = vec![0; 1];
    assert_eq!(decode_message(&payload), Some(()));
    payload.push(0);
    assert_eq!(decode_message(&payload), None);
}

fn decode_message(payload: &[u8]) -> Option<()> {
    let bytes = frame_bytes(1, 1, payload);
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    decoder.next_frame()?.message::<Request<'_>>().map(|_| ())
}
