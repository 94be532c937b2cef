/**
 * `report.html` as it may be seen by everyone: without the recordings of people who were not asked.
 *
 * @module
 */

/** As the report writes them; what comes from names and labels is escaped there, and has no such tags. */
const PLAYER = /<audio\b[^>]*><\/audio>/g;

/** The page, and how many recordings it had. */
export async function withoutRecordings(
  page: Blob,
): Promise<{ content: Blob; recordings: number }> {
  const text = await page.text();
  const recordings = text.match(PLAYER)?.length ?? 0;
  return { content: new Blob([text.replace(PLAYER, "")], { type: "text/html" }), recordings };
}
