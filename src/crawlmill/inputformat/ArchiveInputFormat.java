package crawlmill;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.regex.Pattern;

import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapred.FileInputFormat;
import org.apache.hadoop.mapred.FileSplit;
import org.apache.hadoop.mapred.InputSplit;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapred.RecordReader;
import org.apache.hadoop.mapred.Reporter;

/**
 * From web archives to spans of a block, with the hosts that hold it; each is one record: its first byte, and its line of a
 * manifest. Who reads the line finds the first record in the span, and the last.
 *
 * <p>It is of the old API, because Streaming and Spark's hadoopFile take no other.
 */
public class ArchiveInputFormat extends FileInputFormat<LongWritable, Text> {

  /** Names of files in which a gzip member is a record: the others have no place where a reader may start. */
  private static final Pattern CAN_BE_CUT =
      Pattern.compile(".*\\.(warc|wat|wet)\\.gz", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

  @Override
  protected boolean isSplitable(FileSystem fs, Path file) {
    return CAN_BE_CUT.matcher(file.getName()).matches();
  }

  /** The size of a block, whatever number of maps the job hints at (2 unless told: it would cut small inputs in halves). */
  @Override
  protected long computeSplitSize(long goalSize, long minSize, long blockSize) {
    return Math.max(minSize, blockSize);
  }

  /** An empty file is a split of one byte: Spark leaves out those of none, and then nobody says that the file is empty. */
  @Override
  protected FileSplit makeSplit(Path file, long start, long length, String[] hosts) {
    return super.makeSplit(file, start, Math.max(length, 1), hosts);
  }

  @Override
  public RecordReader<LongWritable, Text> getRecordReader(InputSplit split, JobConf job, Reporter reporter)
      throws IOException {
    FileSplit span = (FileSplit) split;
    reporter.setStatus(span.toString());
    return new OneLine(span.getStart(), line(span, job));
  }

  /** As crawlmill.plan.split.Split.to_json writes it: the last span of a file has no end. */
  private static String line(FileSplit span, JobConf job) throws IOException {
    Path file = span.getPath();
    long end = span.getStart() + span.getLength();
    boolean last;
    try {
      last = end >= file.getFileSystem(job).getFileStatus(file).getLen();
    } catch (FileNotFoundException gone) {
      last = true; // who reads the line reports it
    }
    boolean local = "file".equals(file.toUri().getScheme()); // Hadoop writes file:/a, which nobody else does
    String uri = local ? file.toUri().getPath() : file.toString();
    return "{\"end\":" + (last ? "null" : end) + ",\"start\":" + span.getStart() + ",\"uri\":" + quoted(uri) + "}";
  }

  /** A text in JSON, in the bytes that Python's json.dumps gives. */
  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      int known = "\"\\\b\f\n\r\t".indexOf(c);
      if (known >= 0) {
        out.append('\\').append("\"\\bfnrt".charAt(known));
      } else if (c < ' ' || c > '~') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  /** The one record of a split. */
  private static final class OneLine implements RecordReader<LongWritable, Text> {
    private final long start;
    private final String line;
    private boolean read;

    OneLine(long start, String line) {
      this.start = start;
      this.line = line;
    }

    @Override
    public boolean next(LongWritable key, Text value) {
      if (read) {
        return false;
      }
      key.set(start);
      value.set(line);
      read = true;
      return true;
    }

    @Override
    public LongWritable createKey() {
      return new LongWritable();
    }

    @Override
    public Text createValue() {
      return new Text();
    }

    @Override
    public long getPos() {
      return start;
    }

    @Override
    public float getProgress() {
      return read ? 1 : 0;
    }

    @Override
    public void close() {}
  }
}
