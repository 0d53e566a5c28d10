//! DC coefficients of progressive scans (ITU T.81, G.1.2.1).

use std::ops::Range;

use crate::bits::Feed;
use crate::geometry::Geometry;
use crate::huffman::DcTable;
use crate::progressive::store::Store;
use crate::scan::Scan;

use super::Stream;

/// How a scan's blocks follow each other.
pub(super) struct Blocks {
    pub(super) in_line: usize,
    /// MCUs and lines of them that are kept.
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
    /// Of each block of an MCU: part, component, column and row in the MCU, columns and rows of
    /// the component in the MCU.
    places: Vec<Place>,
}

struct Place {
    part: usize,
    component: usize,
    column: usize,
    row: usize,
    across: usize,
    down: usize,
}

/// A block of an MCU of one line of them.
pub(super) struct Block<'a> {
    component: usize,
    table: Option<&'a DcTable>,
    /// Where the block of the first MCU would be in the store; modulo 2^64.
    offset: usize,
    /// How far those of neighbouring MCUs are apart.
    step: usize,
}

impl Blocks {
    pub(super) fn new(scan: &Scan, geometry: &Geometry) -> Self {
        let alone = scan.parts.len() == 1;
        let mut places = Vec::with_capacity(10);
        for (part, it) in scan.parts.iter().enumerate() {
            let extent = geometry.components.get(it.component);
            let sides = extent
                .filter(|_| !alone)
                .map(|extent| extent.sampling.sides());
            let (across, down) = sides.unwrap_or((1, 1));
            for place in 0..across * down {
                places.push(Place {
                    part,
                    component: it.component,
                    column: place % across,
                    row: place / across,
                    across,
                    down,
                });
            }
        }
        let only = scan.parts.first().filter(|_| alone);
        match only.and_then(|part| geometry.components.get(part.component)) {
            Some(extent) => Self {
                in_line: extent.blocks.0,
                columns: extent.kept_alone(),
                rows: extent.kept_rows_alone(),
                places,
            },
            None => Self {
                in_line: geometry.mcus.0,
                columns: geometry.columns.clone(),
                rows: geometry.rows.clone(),
                places,
            },
        }
    }

    /// The blocks of the MCUs of a line.
    pub(super) fn of_row<'t>(
        &self,
        row: usize,
        tables: &'t [Option<DcTable>],
        store: &Store,
    ) -> Vec<Block<'t>> {
        let block = |place: &Place| {
            let component = store.components.get(place.component);
            let at = |block| {
                component.map_or(usize::MAX, |it| {
                    it.place(block, row * place.down + place.row)
                })
            };
            Block {
                component: place.component & 3,
                table: tables.get(place.part).and_then(Option::as_ref),
                offset: at(place.column),
                step: component.map_or(0, |it| it.count()) * place.across,
            }
        };
        self.places.iter().map(block).collect()
    }
}

/// A line of MCUs.
pub(super) struct Direct<'s> {
    pub(super) scan: &'s Scan,
    pub(super) blocks: &'s [Block<'s>],
    pub(super) columns: &'s Range<usize>,
    pub(super) predictions: &'s mut [i32; 4],
}

impl Direct<'_> {
    /// Decodes MCUs, at least one; returns the first that was not decoded.
    pub(super) fn decode(
        &mut self,
        mcus: Range<usize>,
        store: &mut Store,
        stream: &mut Stream<'_, '_>,
    ) -> usize {
        if self.scan.refines > 0 {
            self.refine(mcus, store, stream)
        } else {
            self.first(mcus, store, stream)
        }
    }

    fn first(
        &mut self,
        mcus: Range<usize>,
        store: &mut Store,
        stream: &mut Stream<'_, '_>,
    ) -> usize {
        let (source, limit) = (stream.feed.source(), stream.feed.limit());
        let mut bits = stream.bits;
        let mut next = mcus.end;
        for mcu in mcus {
            let keep = self.columns.contains(&mcu);
            for block in self.blocks {
                let (Some(table), Some(prediction)) =
                    (block.table, self.predictions.get_mut(block.component))
                else {
                    continue;
                };
                bits.refill(source);
                *prediction = prediction.wrapping_add(table.difference(&mut bits, source));
                if let Some(dc) = block.value(keep, mcu, store) {
                    *dc = (*prediction << (self.scan.low_bit & 15)) as i16;
                }
            }
            if !Feed::within(&bits, limit) {
                next = mcu + 1;
                break;
            }
        }
        stream.bits = bits;
        next
    }

    fn refine(
        &mut self,
        mcus: Range<usize>,
        store: &mut Store,
        stream: &mut Stream<'_, '_>,
    ) -> usize {
        let (source, limit) = (stream.feed.source(), stream.feed.limit());
        let mut bits = stream.bits;
        let mut next = mcus.end;
        for mcu in mcus {
            let keep = self.columns.contains(&mcu);
            bits.refill(source);
            for block in self.blocks {
                let bit = bits.take(1) as i16;
                if let Some(dc) = block.value(keep, mcu, store) {
                    *dc |= bit << (self.scan.low_bit & 15);
                }
            }
            if !Feed::within(&bits, limit) {
                next = mcu + 1;
                break;
            }
        }
        stream.bits = bits;
        next
    }
}

impl Block<'_> {
    #[inline(always)]
    fn value<'s>(&self, keep: bool, mcu: usize, store: &'s mut Store) -> Option<&'s mut i16> {
        let component = store.components.get_mut(self.component).filter(|_| keep)?;
        component.value(self.offset.wrapping_add(mcu * self.step))
    }
}
