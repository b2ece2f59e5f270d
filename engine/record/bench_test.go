package record

import (
	"fmt"
	"testing"
)

// BenchmarkLines writes batches like those of a file of customers: texts of
// different lengths, some with letters beyond ASCII, two days and a decimal.
func BenchmarkLines(b *testing.B) {
	names := []string{"customerId", "email", "name", "gender", "street", "postalCode", "city", "country", "phone"}
	var fields []Field
	for _, n := range names {
		fields = append(fields, Field{Name: n, Type: Of(String)})
	}
	fields = append(fields, Field{Name: "birthDate", Type: NullableOf(Date)}, Field{Name: "registeredAt", Type: NullableOf(Date)}, Field{Name: "totalSpent", Type: NullableOf(Decimal)})
	batch := new(Batch)
	const rows = 1000
	batch.Reset(NewSchema(fields), rows)
	towns := []string{"Łódź", "Amsterdam", "Göteborg", "Kraków", "Eindhoven", "Gdańsk", "Utrecht", "Breda"}
	genders := []string{"male", "female", "other", "unknown"}
	for i := range rows {
		h := i * 7919 % 1009
		cells := []string{
			fmt.Sprintf("%07d", h*31), fmt.Sprintf("customer.%d@example.com", h*h), "Anna van den Berg"[:5+h%12], genders[h%4],
			fmt.Sprintf("Długa ulica %d", h)[h%2*8:], fmt.Sprintf("%02d-%03d", h%90, h%900), towns[h%8], "PL", fmt.Sprintf("+48%09d", h*7919),
		}
		for k, s := range cells {
			batch.Cols[k].SetString(i, []byte(s))
		}
		batch.Cols[9].Ints[i], batch.Cols[10].Ints[i] = int64(h*13), int64(15000+h*3)
		batch.Cols[11].SetDec(i, NewDecimal(int64(h*h), 2))
		if h%8 == 0 {
			batch.Cols[9].SetNull(i)
		}
	}
	e := NewEncoder(batch.Schema, JSONOptions{})
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.AppendLines(dst[:0], batch)
	}
	b.SetBytes(int64(len(dst)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
