//! Averages boxes of pixels as the rows come. Colours count as much as they are opaque, so that
//! transparent pixels do not bleed into their neighbours.
#![expect(
    clippy::indexing_slicing,
    reason = "the loops in here run for every byte of the picture"
)]

/// So many bytes can be added up in 16 bits.
const MOST_ROWS: u32 = 257;
/// So many sums of 16 bits can be added up in 32 bits.
const MOST_SUMS: usize = 1 << 16;

/// Boxes of one size, aligned to the top left corner; those at the edges average what is there.
pub(crate) struct Boxes {
    channels: usize,
    across: usize,
    down: u32,
    /// The sum of every column's samples, of rows without transparency.
    columns: Vec<u16>,
    /// The same of other rows, colours times alpha; empty until there is one.
    weighted: Vec<u32>,
    /// Rows in `columns` and `weighted`.
    rows_in_columns: u32,
    has_weighted: bool,
    /// The sums of the boxes at hand: colours times alpha (255 without an alpha channel), alpha.
    totals: Vec<u64>,
    /// Rows in the boxes at hand.
    rows: u32,
    samples: Vec<u8>,
    opaque: bool,
}

impl Boxes {
    /// What boxes of `across` pixels take beside the samples they give.
    pub(crate) fn size_bytes(row_samples: u64, across: u32) -> u64 {
        let boxes = row_samples.div_ceil(u64::from(across)).saturating_add(8);
        row_samples
            .saturating_mul(6)
            .saturating_add(boxes.saturating_mul(8))
    }

    /// Boxes of `(across, down)` pixels of `channels` samples (2 and 4: the last is alpha), in
    /// rows of `width` pixels; room for the samples of `boxes` in all.
    pub(crate) fn new(
        channels: usize,
        width: usize,
        (across, down): (u32, u32),
        boxes: usize,
    ) -> Self {
        let across = usize::try_from(across)
            .unwrap_or(usize::MAX)
            .clamp(1, width.max(1));
        Self {
            channels,
            across,
            down: down.max(1),
            columns: vec![0; width * channels],
            weighted: Vec::new(),
            rows_in_columns: 0,
            has_weighted: false,
            totals: vec![0; width.div_ceil(across) * channels],
            rows: 0,
            samples: Vec::with_capacity(boxes * channels),
            opaque: true,
        }
    }

    /// Adds the next row.
    pub(crate) fn add(&mut self, row: &[u8]) {
        let opaque = self.is_opaque(row);
        if self.across == 1 && self.down == 1 {
            self.opaque &= opaque;
            self.samples.extend_from_slice(row);
            return;
        }
        if opaque {
            for (sum, sample) in self.columns.iter_mut().zip(row) {
                *sum += u16::from(*sample);
            }
        } else {
            self.opaque = false;
            self.has_weighted = true;
            self.weighted.resize(self.columns.len(), 0);
            match self.channels {
                2 => add_weighted::<2>(&mut self.weighted, row),
                _ => add_weighted::<4>(&mut self.weighted, row),
            }
        }
        self.rows += 1;
        self.rows_in_columns += 1;
        if self.rows == self.down {
            self.finish_boxes();
        } else if self.rows_in_columns == MOST_ROWS {
            self.collect();
        }
    }

    /// The samples of all boxes, row by row, and whether every pixel was opaque.
    pub(crate) fn finish(mut self) -> (Vec<u8>, bool) {
        if self.rows > 0 {
            self.finish_boxes();
        }
        (self.samples, self.opaque)
    }

    fn has_alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }

    fn is_opaque(&self, row: &[u8]) -> bool {
        match self.channels {
            2 => all_opaque::<2>(row),
            4 => all_opaque::<4>(row),
            _ => true,
        }
    }

    /// Adds up the columns of each box.
    fn collect(&mut self) {
        match self.channels {
            1 => self.collect_pixels::<1>(),
            2 => self.collect_pixels::<2>(),
            3 => self.collect_pixels::<3>(),
            _ => self.collect_pixels::<4>(),
        }
        self.columns.fill(0);
        self.rows_in_columns = 0;
    }

    fn collect_pixels<const N: usize>(&mut self) {
        // Alpha itself is not weighted.
        let mut weights = [255; N];
        if self.has_alpha() {
            weights[N - 1] = 1;
        }
        let (totals, _) = self.totals.as_chunks_mut::<N>();
        let (columns, _) = self.columns.as_chunks::<N>();
        for (total, columns) in totals.iter_mut().zip(columns.chunks(self.across)) {
            let sums = columns.chunks(MOST_SUMS).map(sum_pixels);
            sums.for_each(|sums| add_times(total, sums, weights));
        }
        if self.has_weighted {
            let (weighted, _) = self.weighted.as_chunks::<N>();
            for (total, columns) in totals.iter_mut().zip(weighted.chunks(self.across)) {
                let sums = columns.iter().copied();
                sums.for_each(|sums| add_times(total, sums, [1; N]));
            }
            self.weighted.fill(0);
            self.has_weighted = false;
        }
    }

    fn finish_boxes(&mut self) {
        self.collect();
        let width = self.columns.len() / self.channels;
        let has_alpha = self.has_alpha();
        let full = self.across as u64;
        let count = self.totals.len() / self.channels;
        let last = (width - (count - 1) * self.across) as u64;
        for (index, total) in self.totals.chunks_exact(self.channels).enumerate() {
            let across = if index + 1 == count { last } else { full };
            let pixels = across * u64::from(self.rows);
            if let (true, [colours @ .., alpha]) = (has_alpha, total) {
                let colours = colours.iter().map(|sum| rounded(*sum, *alpha));
                self.samples.extend(colours);
                self.samples.push(rounded(*alpha, pixels));
            } else {
                let samples = total.iter().map(|sum| rounded(*sum, pixels * 255));
                self.samples.extend(samples);
            }
        }
        self.totals.fill(0);
        self.rows = 0;
    }
}

fn sum_pixels<const N: usize>(pixels: &[[u16; N]]) -> [u32; N] {
    pixels.iter().fold([0; N], |mut sums, pixel| {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum += u32::from(*sample);
        }
        sums
    })
}

fn add_times<const N: usize>(total: &mut [u64; N], sums: [u32; N], weights: [u64; N]) {
    for ((total, sum), weight) in total.iter_mut().zip(sums).zip(weights) {
        *total += u64::from(sum) * weight;
    }
}

/// `sum / count` to the nearest whole number; what is wholly transparent is black.
fn rounded(sum: u64, count: u64) -> u8 {
    (sum + count / 2).checked_div(count).unwrap_or(0).min(255) as u8
}

/// Whether every `N`th byte is 255; `N` is 2 or 4.
fn all_opaque<const N: usize>(row: &[u8]) -> bool {
    // In pieces, so that a transparent row is known early and the loop stays one of vectors.
    row.chunks(64 * 16).all(|piece| {
        let (vectors, rest) = piece.as_chunks::<16>();
        let mut all = [255; 16];
        for vector in vectors {
            for (all, byte) in all.iter_mut().zip(vector) {
                *all &= byte;
            }
        }
        let alphas = all.iter().skip(N - 1).step_by(N);
        let mut alphas = alphas.chain(rest.iter().skip(N - 1).step_by(N));
        alphas.all(|alpha| *alpha == 255)
    })
}

fn add_weighted<const N: usize>(sums: &mut [u32], row: &[u8]) {
    let (pixels, _) = row.as_chunks::<N>();
    for (sums, pixel) in sums.as_chunks_mut::<N>().0.iter_mut().zip(pixels) {
        let alpha = u32::from(pixel[N - 1]);
        for channel in 0..N - 1 {
            sums[channel] += u32::from(pixel[channel]) * alpha;
        }
        sums[N - 1] += alpha;
    }
}
