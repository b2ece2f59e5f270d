package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/record"
)

// decodeInto reads the one chunk of text into b.
func decodeInto(t testing.TB, d *Decoder, text string, want []record.Slot, b *record.Batch) {
	t.Helper()
	r, err := d.Open(t.Context(), plugin.Object{Name: "x", Body: strings.NewReader(text)}, want)
	if err != nil {
		t.Fatal(err)
	}
	var c plugin.Chunk
	if err := r.Split(t.Context(), &c, len(text)); err != nil {
		t.Fatal(err)
	}
	if err := r.Parse(t.Context(), &c, b); err != nil {
		t.Fatal(err)
	}
}

// receipts returns n rows of 20 columns, every quoted-th with quoted cells (0: none).
func receipts(n, quoted int) []byte {
	var b bytes.Buffer
	b.WriteString("ordernummer;bonnummer;filiaal;datumtijd;klantnummer;email;artikelnummer;omschrijving;aantal;prijs;bedrag;kleur;maat;merk;groep;btw;korting;kassa;verkoper;opmerking\n")
	for i := range n {
		text := "Jas met capuchon"
		if quoted > 0 && i%quoted == 0 {
			text = `"Jas; met ""capuchon"""`
		}
		fmt.Fprintf(&b, "%08d;%07d;%03d;%02d-07-2024 12:%02d:59;%06d;klant%d@example.nl;%09d;%s;%d;%d,95;%d,90;blauw;M;Merk;Jassen;21;0,00;2;Anna;\n",
			i, i*7, i%40, 1+i%28, i%60, i%9999, i%9999, i*13, text, 1+i%3, 20+i%80, 40+i%160)
	}
	return b.Bytes()
}

const receiptOptions = `delimiter = ";"
columns = {
  ordernummer = "text"
  bonnummer = "text"
  filiaal = "text"
  datumtijd = "datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam"
  klantnummer = "text"
  email = "text trim"
  artikelnummer = "text"
  omschrijving = "text optional"
  aantal = "int required"
  prijs = "decimal comma required"
  bedrag = "decimal comma required"
}
`

// readAll reads an object as the engine does, one chunk and one batch used again and again.
func readAll(t testing.TB, d *Decoder, data []byte, want []record.Slot, c *plugin.Chunk, b *record.Batch) (rows int) {
	r, err := d.Open(t.Context(), plugin.Object{Name: "x", Body: bytes.NewReader(data)}, want)
	if err != nil {
		t.Fatal(err)
	}
	for {
		err := r.Split(t.Context(), c, 256<<10)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err == nil {
			err = r.Parse(t.Context(), c, b)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Rejects) > 0 {
			t.Fatal(b.Rejects)
		}
		rows += b.N
	}
}

// Nothing is allocated for a row: ten times the rows cost the same allocations.
func TestAllocations(t *testing.T) {
	for name, options := range map[string]string{"utf-8": "", "converted": `charset = "windows-1252"`} {
		d := mustBind(t, receiptOptions+options)
		r, err := d.Open(t.Context(), plugin.Object{Name: "x", Body: endless{t: receipts(3000, 3)}.reader()}, every(d))
		if err != nil {
			t.Fatal(err)
		}
		var c plugin.Chunk
		var b record.Batch
		step := func() {
			if err := r.Split(t.Context(), &c, 64<<10); err != nil {
				t.Fatal(err)
			}
			if err := r.Parse(t.Context(), &c, &b); err != nil {
				t.Fatal(err)
			}
			if b.N < 100 || len(b.Rejects) > 0 {
				t.Fatalf("%d rows, rejects %v", b.N, b.Rejects)
			}
		}
		for range 30 { // until every buffer has its size
			step()
		}
		if n := testing.AllocsPerRun(50, step); n > 0 {
			t.Errorf("%s: %v allocations for a chunk of %d rows", name, n, b.N)
		}
	}
}

// endless repeats the rows of a text after its header.
type endless struct{ t []byte }

func (e endless) reader() io.Reader {
	i := bytes.IndexByte(e.t, '\n') + 1
	rs := []io.Reader{bytes.NewReader(e.t[:i])}
	for range 100 {
		rs = append(rs, bytes.NewReader(e.t[i:]))
	}
	return io.MultiReader(rs...)
}

func BenchmarkDecode(b *testing.B) {
	for _, bb := range []struct {
		name    string
		quoted  int
		options string
		want    int
	}{{"plain", 0, "", 11}, {"quoted", 1, "", 11}, {"three columns", 0, "", 3}, {"windows-1252", 0, `charset = "windows-1252"`, 11}} {
		data := receipts(20_000, bb.quoted)
		d := mustBind(b, receiptOptions+bb.options)
		b.Run(bb.name, func(b *testing.B) {
			var c plugin.Chunk
			var batch record.Batch
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if n := readAll(b, d, data, every(d)[:bb.want], &c, &batch); n != 20_000 {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/row")
		})
	}
}

// BenchmarkSplit is the part that one goroutine has to do.
func BenchmarkSplit(b *testing.B) {
	for name, quoted := range map[string]int{"plain": 0, "quoted": 1} {
		data := receipts(20_000, quoted)
		d := mustBind(b, receiptOptions)
		b.Run(name, func(b *testing.B) {
			var c plugin.Chunk
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r, err := d.Open(b.Context(), plugin.Object{Name: "x", Body: bytes.NewReader(data)}, nil)
				for err == nil {
					err = r.Split(b.Context(), &c, 256<<10)
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStandard is what encoding/csv needs to find the cells alone.
func BenchmarkStandard(b *testing.B) {
	for name, quoted := range map[string]int{"plain": 0, "quoted": 1} {
		data := receipts(20_000, quoted)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r := stdcsv.NewReader(bytes.NewReader(data))
				r.Comma, r.ReuseRecord = ';', true
				for {
					if _, err := r.Read(); err != nil {
						if !errors.Is(err, io.EOF) {
							b.Fatal(err)
						}
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/row")
		})
	}
}
